//! How many calls the table is measured with: by what a bare loop of this machine can send.

use super::report::grouped;

/// Numbers of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sizes {
    pub(super) small: u32,
    pub(super) paced: u32,
    pub(super) large: u32,
}

/// Calls that 0.85 of a bare loop's rate is enough for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of calls"
)]
pub(super) fn room(bare_ns: f64) -> u32 {
    (0.85 * 1e9 / bare_ns / 50.0) as u32 / 10 * 10
}

impl Sizes {
    pub(super) fn of(room: u32) -> Self {
        let large = room.clamp(300, 15_000);
        let paced = (large / 3 * 2).min(10_000);
        Self {
            small: 1_000.min(paced / 2),
            paced,
            large,
        }
    }

    /// Says that the machine is slower than the goals ask for.
    pub(super) fn remark(self) -> String {
        if self.large == 15_000 {
            return String::new();
        }
        let (large, paced) = (grouped(self.large.into()), grouped(self.paced.into()));
        format!("; for this machine {large} calls are 0.85 of a bare loop's rate, paced {paced}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_machine() {
        let quick = Sizes::of(room(850.0));
        assert_eq!(
            (quick.small, quick.paced, quick.large),
            (1_000, 10_000, 15_000)
        );
        assert_eq!(quick.remark(), "");
        let slow = Sizes::of(room(5_000.0));
        assert_eq!((slow.small, slow.paced, slow.large), (1_000, 2_266, 3_400));
        assert!(slow.remark().contains("3,400"));
    }
}
