-- Takes as many as are wanted from each window of a subject, or as many as there is room for in all of them. It does what
-- `pipeline::limits::window` does; a test holds the two together.
--
-- KEYS[1]: a hash with a mark for each window, "at:count"; the theoretical arrival time of a rate is "seconds:nanoseconds".
-- ARGV: seconds and nanoseconds of the clock, or two empty strings for that of this server; how many are wanted; then for each
-- window its name and four values: "rate", interval, span, 0; or "quota", limit, number of the period, milliseconds until its end.
-- Answer: how many were taken, the clock as seconds and nanoseconds, and each mark as two numbers.
local now_s, now_n = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now_s then
  local time = redis.call('TIME')
  now_s, now_n = tonumber(time[1]), tonumber(time[2]) * 1000
end
local taken = tonumber(ARGV[3])
local windows = {}
local names = {}
for i = 4, #ARGV, 5 do
  local window = { kind = ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]) }
  windows[#windows + 1] = window
  names[#names + 1] = ARGV[i]
end
local marks = redis.call('HMGET', KEYS[1], unpack(names))
for i, window in ipairs(windows) do
  local a, b = 0, 0
  if marks[i] then
    local first, second = string.match(marks[i], '^(%d+):(%d+)$')
    a, b = tonumber(first) or 0, tonumber(second) or 0
  end
  local room
  if window.kind == 'rate' then
    -- Numbers are exact up to 2^53: so only differences are counted in nanoseconds.
    local interval, span = window[1], window[2]
    local ahead = (a - now_s) * 1e9 + (b - now_n)
    window.put_back = ahead > span
    window.ahead = math.max(0, math.min(span, ahead))
    room = math.floor((span - window.ahead) / interval)
  else
    local limit, period = window[1], window[2]
    window.put_back = a > period + 1
    if window.put_back then
      a = period
    elseif a < period then
      a, b = period, 0
    end
    room = math.max(0, limit - b)
  end
  window.a, window.b = a, b
  taken = math.min(taken, room)
end
local fields = {}
local lasts = 0
for i, window in ipairs(windows) do
  if window.kind == 'rate' then
    if taken > 0 or window.put_back then
      window.ahead = window.ahead + taken * window[1]
      local nanos = now_n + window.ahead
      window.a, window.b = now_s + math.floor(nanos / 1e9), nanos % 1e9
    end
    lasts = math.max(lasts, window.ahead / 1e6)
  else
    window.b = window.b + taken
    lasts = math.max(lasts, window[3])
  end
  if taken > 0 or window.put_back then
    fields[#fields + 1] = names[i]
    fields[#fields + 1] = string.format('%.0f:%.0f', window.a, window.b)
  end
end
if #fields > 0 then
  redis.call('HSET', KEYS[1], unpack(fields))
  -- a minute more, for clocks that differ
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', lasts + 60000))
end
local answer = { taken, now_s, now_n }
for _, window in ipairs(windows) do
  answer[#answer + 1] = window.a
  answer[#answer + 1] = window.b
end
return answer
