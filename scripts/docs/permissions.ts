/** Who may do what, from the very data that the permission tests try. */
import { ACTOR_TITLES, ACTORS, PERMISSIONS } from "../../test/store/schema/permissions.ts";
import { sentence, table } from "./markdown.ts";

export function permissionTables(): string {
	return Object.entries(PERMISSIONS)
		.map(([chapter, permissions]) => {
			const rows = permissions.map(({ action, may }) => [
				sentence(action).replace(/\.$/, ""),
				...ACTORS.map((actor) => (may.includes(actor) ? "yes" : "")),
			]);
			return `### ${chapter}\n\n${table(["", ...ACTORS.map((actor) => ACTOR_TITLES[actor])], rows)}`;
		})
		.join("\n\n");
}
