-- What a running server says of itself beside the numbers that it enforces: so that who waits for it learns why it lags.

set local role firebreak_owner;

alter table firebreak.server
	add column version text,
	add column refused bigint,
	add column problem text;
comment on column firebreak.server.heartbeat is 'When it last wrote this row, by the database''s clock';
comment on column firebreak.server.version is 'Of the program';
comment on column firebreak.server.refused is 'The newest revision, while this server refuses it because it does not compile there';
comment on column firebreak.server.problem is 'Why it refuses that revision';

reset role;
