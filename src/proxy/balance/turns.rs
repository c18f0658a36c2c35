//! The order of turns of weighted round robin.

/// An order of turns in which each target stands as often as its weight says, spread as evenly as can be: the smooth
/// weighted round robin that nginx made known.
pub(super) fn turns(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let total: i64 = weights.iter().sum();
    let mut credit = vec![0_i64; weights.len()];
    (0..total)
        .map(|_| {
            for (credit, weight) in credit.iter_mut().zip(&weights) {
                *credit += weight;
            }
            let richest = (0..credit.len()).rev().max_by_key(|i| credit[*i]).unwrap_or(0);
            credit[richest] -= total;
            u32::try_from(richest).unwrap_or(0)
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::turns;

    #[test]
    fn turns_are_spread_by_weight() {
        assert_eq!(turns(&[1]), [0]);
        assert_eq!(turns(&[2, 2]), [0, 1]);
        assert_eq!(turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(turns(&[100, 300]), [1, 0, 1, 1]);
    }
}
