/**
 * Token buckets in Redis, as limiter/bucket.ts has them in memory: by Redis' own clock, so that servers need not agree on
 * the time, and each key gone by itself once it owes nothing.
 *
 * KEYS: the budgets. ARGV: for each of them `perSecond`, `burst`. Takes one from each, or none from any. Gives the number
 * from 1 of the budget to wait for, and the seconds as text (Redis cuts fractions off numbers), or 0 and "0".
 */
export const TAKE_SCRIPT = `
local time = redis.call("TIME")
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local debts = {}
local which, longest = 0, 0
for i, key in ipairs(KEYS) do
	local rate, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
	local known = redis.call("HMGET", key, "debt", "at")
	local debt = math.min(tonumber(known[1]) or 0, burst)
	local at = tonumber(known[2]) or now
	debt = math.max(0, debt - math.max(0, now - at) * rate)
	debts[i] = debt
	local missing = debt + 1 - burst
	if missing > 0.000001 and missing / rate > longest then
		which, longest = i, missing / rate
	end
end
if which > 0 then
	return { which, string.format("%.6f", longest) }
end
for i, key in ipairs(KEYS) do
	local debt = debts[i] + 1
	redis.call("HSET", key, "debt", string.format("%.17g", debt), "at", string.format("%.17g", now))
	redis.call("PEXPIRE", key, math.min(math.ceil(debt / tonumber(ARGV[2 * i - 1]) * 1000) + 1000, 1e15))
end
return { 0, "0" }
`;
