/**
 * Used proofs in Redis: one key each, gone by itself when the proof is over, and one hash that says since when this memory
 * is whole and what nonces are made from. A Redis that lost its data, or was emptied, begins anew: proofs from before count
 * for nothing then, since they may have been used.
 *
 * KEYS: the hash and, to remember one, the proof. ARGV: the secret to begin with, and milliseconds to remember the proof.
 * Gives 1 when the proof was not known, else 0; milliseconds since the epoch as text; and the secret.
 */
export const REMEMBER_SCRIPT = `
local state = redis.call("HMGET", KEYS[1], "since", "secret")
if not (state[1] and state[2]) then
	local time = redis.call("TIME")
	state = { string.format("%.0f", tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)), ARGV[1] }
	redis.call("HSET", KEYS[1], "since", state[1], "secret", state[2])
end
local added = 0
if KEYS[2] and redis.call("SET", KEYS[2], "1", "NX", "PX", ARGV[2]) then
	added = 1
end
return { added, state[1], state[2] }
`;
