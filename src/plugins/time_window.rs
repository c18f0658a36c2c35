//! `timeWindow`: lets requests through at some times only.

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::date::Date;
use crate::value::time_of_day::TimeOfDay;
use crate::value::time_zone::TimeZone;

/// When requests get any further. At other times they are refused; `retry-after` says when it opens, if it does within eight days.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct TimeWindowConfig {
    /// The time zone of days and times. Its clocks may change: then a day is as long as it is there.
    #[serde(default = "TimeZone::utc")]
    pub time_zone: TimeZone,
    /// The windows of a week; one of them holds. The default is always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub open: Vec<Window>,
    /// The first day. The default is that it has been open ever since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The day from which on it is closed for good. The default is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The status of the refusal.
    #[serde(default = "unavailable")]
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
}

/// A window of a week.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Window {
    /// The days on which it begins. The default is every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub days: Vec<Day>,
    /// When it begins.
    pub from: TimeOfDay,
    /// When it ends; if that is not later than `from`, on the next day.
    pub to: TimeOfDay,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "timeZone": "Europe/Paris",
        "open": [{ "days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "from": "08:00", "to": "18:30" }],
    })
}

fn unavailable() -> u16 {
    503
}

/// The compiled plugin.
pub struct TimeWindow {
    config: TimeWindowConfig,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl PluginType for TimeWindow {
    type Config = TimeWindowConfig;

    fn compile(config: &TimeWindowConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        if config.open.is_empty() && config.since.is_none() && config.until.is_none() {
            let help = "write `open`, `since` or `until`, or remove the plugin";
            context.report(&PLUGIN_SHAPE, "", "`timeWindow` is always open", help);
            return None;
        }
        if let (Some(since), Some(until)) = (config.since, config.until)
            && since >= until
        {
            let help = "write a day after the one of `since`";
            context.report(&PLUGIN_SHAPE, "/until", "`timeWindow` is never open", help);
            return None;
        }
        Some(Box::new(Self::new(config.clone())))
    }
}

impl TimeWindow {
    fn new(config: TimeWindowConfig) -> Self {
        let start = |date: Option<Date>| {
            let date: jiff::civil::Date = date?.to_string().parse().ok()?;
            Some(date.to_zoned(config.time_zone.rules().clone()).ok()?.timestamp())
        };
        Self { since: start(config.since), until: start(config.until), config }
    }

    fn is_open(&self, now: &Zoned) -> bool {
        let at = now.timestamp();
        let is_between = self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until);
        is_between && (self.config.open.is_empty() || self.windows(now).any(|(from, to)| from <= at && at < to))
    }

    /// The windows that begin between the day before and eight days later.
    fn windows(&self, now: &Zoned) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let days = (-1..=8).filter_map(|days| now.date().checked_add(i64::from(days).days()).ok());
        days.flat_map(move |date| self.config.open.iter().filter_map(move |window| self.bounds(window, date)))
    }

    /// When a window begins and ends that begins on a day; `None` if none does.
    fn bounds(&self, window: &Window, date: jiff::civil::Date) -> Option<(Timestamp, Timestamp)> {
        if !window.days.is_empty() && !window.days.contains(&date.weekday().into()) {
            return None;
        }
        let last = if window.to > window.from { date } else { date.tomorrow().ok()? };
        let at = |date: jiff::civil::Date, time: TimeOfDay| {
            let (hour, minute) = time.parts();
            Some(date.at(hour, minute, 0, 0).to_zoned(self.config.time_zone.rules().clone()).ok()?.timestamp())
        };
        Some((at(date, window.from)?, at(last, window.to)?))
    }

    /// How long it stays closed, if it opens within some days.
    fn opens_in(&self, now: &Zoned) -> Option<SignedDuration> {
        let at = now.timestamp();
        let begin = self.since.filter(|since| *since > at);
        let next = match begin {
            Some(begin) if self.config.open.is_empty() => Some(begin),
            _ => {
                let begins = self.windows(now).map(|(from, _)| from);
                begins.filter(|from| *from > at && begin.is_none_or(|begin| *from >= begin)).min()
            }
        };
        next.filter(|next| self.until.is_none_or(|until| *next < until)).map(|next| next.duration_since(at))
    }
}

impl Plugin for TimeWindow {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let now = Timestamp::now().to_zoned(self.config.time_zone.rules().clone());
        if self.is_open(&now) {
            return Step::Continue;
        }
        if let Some(wait) = self.opens_in(&now) {
            exchange.response.fields.set("retry-after", (wait.as_secs() + 1).to_string().as_bytes());
        }
        exchange.response.status = self.config.status;
        Step::Answer(Content::Empty)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Zoned;
    use serde_json::{Value, json};

    use super::TimeWindow;

    /// Whether it is open at each time, and in how many minutes it opens.
    fn check(config: Value, cases: &[(&str, bool, Option<i64>)]) {
        let window = TimeWindow::new(serde_json::from_value(config).unwrap());
        for (time, is_open, opens) in cases {
            let now: Zoned = time.parse().unwrap();
            assert_eq!(window.is_open(&now), *is_open, "{time}");
            if !is_open {
                assert_eq!(window.opens_in(&now).map(|wait| wait.as_mins()), *opens, "{time}");
            }
        }
    }

    #[test]
    fn a_week_has_windows() {
        let days = json!(["monday", "friday"]);
        check(
            json!({ "timeZone": "Europe/Paris", "open": [{ "days": days, "from": "08:00", "to": "18:30" }] }),
            &[
                ("2026-11-30T08:00[Europe/Paris]", true, None),
                ("2026-11-30T07:59[Europe/Paris]", false, Some(1)),
                ("2026-11-30T18:30[Europe/Paris]", false, Some(3 * 1440 + 13 * 60 + 30)),
                ("2026-12-01T12:00[Europe/Paris]", false, Some(2 * 1440 + 20 * 60)),
                ("2026-12-04T18:29:59[Europe/Paris]", true, None),
            ],
        );
    }

    #[test]
    fn a_window_goes_past_midnight_and_clocks_change() {
        let night =
            json!({ "timeZone": "Europe/Paris", "open": [{ "days": ["saturday"], "from": "22:00", "to": "04:00" }] });
        check(
            night,
            &[
                ("2026-10-24T23:00[Europe/Paris]", true, None),
                // the clock is set back at three: the night is an hour longer
                ("2026-10-25T03:59[Europe/Paris]", true, None),
                ("2026-10-25T04:00[Europe/Paris]", false, Some(6 * 1440 + 18 * 60)),
                ("2026-10-24T03:00[Europe/Paris]", false, Some(19 * 60)),
                // set forward at two: ten is reached an hour sooner
                ("2026-03-28T21:00[Europe/Paris]", false, Some(60)),
            ],
        );
        check(json!({ "open": [{ "from": "00:00", "to": "00:00" }] }), &[("2026-11-30T12:00[UTC]", true, None)]);
    }

    #[test]
    fn it_begins_and_ends_on_days() {
        let campaign = json!({ "since": "2026-12-01", "until": "2026-12-24", "timeZone": "Europe/Paris" });
        check(
            campaign,
            &[
                ("2026-11-30T23:00[Europe/Paris]", false, Some(60)),
                ("2026-12-01T00:00[Europe/Paris]", true, None),
                ("2026-12-23T23:59[Europe/Paris]", true, None),
                ("2026-12-24T00:00[Europe/Paris]", false, None),
            ],
        );
        let both =
            json!({ "since": "2026-12-01", "until": "2026-12-02", "open": [{ "from": "08:00", "to": "09:00" }] });
        check(
            both,
            &[
                ("2026-11-30T08:30[UTC]", false, Some(23 * 60 + 30)),
                ("2026-12-01T08:30[UTC]", true, None),
                ("2026-12-01T10:00[UTC]", false, None),
            ],
        );
    }
}
