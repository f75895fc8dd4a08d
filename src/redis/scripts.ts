import { createHash } from "node:crypto";
import { FORMAT } from "./record.ts";

/** A script that the server keeps under its digest. Each has one key, so that a Cluster can route it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

function script(text: string): Script {
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}

/** Cuts the record's fields off `value`, as `record.ts` joins them; behind them comes where its entries begin. None where it is damaged. */
const FIELDS = `
local VERSION, COMMITS, SECRET, PREVIOUS, GRACE, USER, AUTHENTICATED, TOUCHED, EXPIRES, ENTRIES = 1, 2, 3, 4, 5, 6, 8, 9, 10, 11
local function fieldsOf(value)
  return {string.match(value, '^${FORMAT}%z${"([^%z]*)%z".repeat(10)}()')}
end
`;

/**
 * The end of the day (UTC) in which a record expires is how far the user's index reaches for it. So a session that is in use moves its place in
 * the index at most once a day, and not with every touch.
 */
export const DAY = 86_400_000;
export const reach = (expiresAt: number): number => (Math.floor(expiresAt / DAY) + 1) * DAY;

/**
 * ARGV: value, expiresAt, now, commit. Answers `created`, also where this same commit has come before, and `exists`.
 */
export const CREATE: Script = script(`${FIELDS}
local value = redis.call('GET', KEYS[1])
if value then
  local field = fieldsOf(value)
  if field[COMMITS] == ARGV[4] then return 'created' end
  local expires = tonumber(field[EXPIRES] or '')
  if not expires or expires > tonumber(ARGV[3]) then return 'exists' end
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 'created'
`);

/**
 * ARGV: commit, now, secretHash, ifVersion, touchedAt, expiresAt, new secretHash, graceUntil, user, authenticatedAt, the user whose index
 * reaches as far as the change needs, the number of entries to set, their names and texts, then the names to remove.
 * What is left out is empty. Answers `gone`, `conflict`, `corrupt`, `=` with the version, or the user whose index must reach further first.
 *
 * A client that lost the connection may send a commit again, and the one before may be in already. So a record keeps its latest sixteen commits, of a minute
 * at most: one that is among them is answered again, and not done again. All commits' names are of one length.
 */
export const UPDATE: Script = script(`${FIELDS}
local value = redis.call('GET', KEYS[1])
if not value then return 'gone' end
local field = fieldsOf(value)
if not field[ENTRIES] or not tonumber(field[VERSION]) or not tonumber(field[EXPIRES]) then return 'corrupt' end
local _, done = string.find(field[COMMITS], ARGV[1], 1, true)
if done then return string.format('=%d', field[VERSION] - (#field[COMMITS] - done) / #ARGV[1]) end
local now = tonumber(ARGV[2])
if tonumber(field[EXPIRES]) <= now then return 'gone' end
local inGrace = field[PREVIOUS] ~= '' and ARGV[3] == field[PREVIOUS] and now < (tonumber(field[GRACE]) or 0)
if ARGV[3] ~= field[SECRET] and not inGrace then return 'gone' end
if ARGV[4] ~= '' and ARGV[4] ~= field[VERSION] then return 'conflict' end
if ARGV[9] ~= '' then field[USER] = ARGV[9] end
local further = math.floor(ARGV[6] / ${DAY}) > math.floor(field[EXPIRES] / ${DAY})
if further and field[USER] ~= '' and field[USER] ~= ARGV[11] then return field[USER] end

local entries
local at = field[ENTRIES]
if #ARGV == 12 then
  entries = string.sub(value, at)
else
  local parts, named = {}, {}
  local last = 12 + 2 * ARGV[12]
  for i = 13, last, 2 do named[ARGV[i]] = true end
  for i = last + 1, #ARGV do named[ARGV[i]] = true end
  while at <= #value do
    local name = string.find(value, '\\0', at, true)
    local text = string.find(value, '\\0', name + 1, true)
    if not named[string.sub(value, at, name - 1)] then parts[#parts + 1] = string.sub(value, at, text) end
    at = text + 1
  end
  for i = 13, last do parts[#parts + 1] = ARGV[i] .. '\\0' end
  entries = table.concat(parts)
end

local pause = ARGV[5] - field[TOUCHED] > 60000
field[COMMITS] = (pause and '' or string.sub(field[COMMITS], -15 * #ARGV[1])) .. ARGV[1]
field[VERSION] = string.format('%d', field[VERSION] + 1)
field[TOUCHED] = ARGV[5]
field[EXPIRES] = ARGV[6]
if ARGV[7] ~= '' then field[PREVIOUS], field[SECRET], field[GRACE] = field[SECRET], ARGV[7], ARGV[8] end
if ARGV[10] ~= '' then field[AUTHENTICATED] = ARGV[10] end
redis.call('SET', KEYS[1], '${FORMAT}\\0' .. table.concat(field, '\\0', 1, EXPIRES) .. '\\0' .. entries, 'PXAT', ARGV[6])
return '=' .. field[VERSION]
`);

/** ARGV: now, user or nothing. Removes the record, of this user alone if one is named. Answers `1` if it was live or `0`, and its user; or nothing. */
export const REMOVE: Script = script(`${FIELDS}
local value = redis.call('GET', KEYS[1])
if not value then return '' end
local field = fieldsOf(value)
if ARGV[2] and ARGV[2] ~= field[USER] then return '' end
redis.call('DEL', KEYS[1])
local expires = tonumber(field[EXPIRES] or '')
if not expires then return '0' end
return (expires > tonumber(ARGV[1]) and '1' or '0') .. field[USER]
`);

/** ARGV: handle, how far it reaches, now. Puts the handle in the user's index, which lives as long as the longest of them reaches. */
export const INDEX: Script = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
local longest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', longest[2]))
return ''
`);

/** ARGV: now. Answers the handles in the user's index, without those whose reach is over. */
export const HANDLES: Script = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);
