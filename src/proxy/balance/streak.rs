//! The answers of a health check in a row, and when they make up their mind.

use crate::pipeline::upstream::health::HealthCheck;
use crate::proxy::balance::standing::Health;

/// Answers of the same kind in a row.
#[derive(Debug, Default)]
pub struct Streak {
    good: bool,
    length: u32,
}

impl Streak {
    /// Counts an answer to a target of a health; the target's health after it.
    pub fn count(&mut self, good: bool, health: Health, check: &HealthCheck) -> Health {
        self.length = if self.good == good { self.length.saturating_add(1) } else { 1 };
        self.good = good;
        match (health, good) {
            (Health::Unknown, true) => Health::Healthy,
            (Health::Unknown, false) => Health::Unhealthy,
            (Health::Healthy, false) if self.length >= check.unhealthy_after => Health::Unhealthy,
            (Health::Unhealthy, true) if self.length >= check.healthy_after => Health::Healthy,
            (unchanged, _) => unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, Streak};

    /// The health after each answer: `+` and `-` are good and bad ones, `h` and `u` what they make of the target.
    #[track_caller]
    fn check(answers: &str, healths: &str) {
        let check = serde_json::from_str(r#"{ "path": "/", "healthyAfter": 2, "unhealthyAfter": 3 }"#).unwrap();
        let (mut streak, mut health) = (Streak::default(), Health::Unknown);
        let after: String = answers
            .chars()
            .map(|answer| {
                health = streak.count(answer == '+', health, &check);
                if health == Health::Healthy { 'h' } else { 'u' }
            })
            .collect();
        assert_eq!(after, healths, "{answers}");
    }

    #[test]
    fn the_first_answer_decides_and_then_so_many_in_a_row() {
        check("+--+---", "hhhhhhu");
        check("-+-++--", "uuuuhhh");
        check("---+++", "uuuuhh");
    }
}
