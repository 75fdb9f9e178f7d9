use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The most starts in any span of `length`.
fn crowd(starts: &[Instant], length: Duration) -> usize {
    let within =
        |from: &Instant| starts.iter().filter(|at| (*from..*from + length).contains(at)).count();
    starts.iter().map(within).max().unwrap_or(0)
}

/// A fence and a clock that moves only when somebody waits.
struct Trial {
    starts: Starts,
    now: Instant,
    written: Vec<Instant>,
}

impl Trial {
    fn of(per_second: f64) -> Trial {
        let now = monotonic();
        Trial { starts: Starts::since(now, rules(per_second)), now, written: Vec::new() }
    }

    fn reserve(&mut self) {
        match self.starts.next(self.now) {
            Next::At(at) => self.now = at.max(self.now),
            Next::WhenOneIsWritten => panic!("nothing goes before one is written"),
        }
        self.starts.pending += 1;
    }

    fn write(&mut self) {
        self.starts.write(self.now);
        self.written.push(self.now);
    }

    fn burst(&mut self, count: usize) -> &mut Trial {
        for _ in 0..count {
            self.reserve();
            self.write();
        }
        self
    }
}

#[test]
fn no_sliding_second_holds_more_than_the_rate() {
    for (per_second, most) in [(20.0, 20), (1.0, 1), (2.5, 3), (0.5, 1), (100.0, 100)] {
        let mut trial = Trial::of(per_second);
        let began = trial.burst(1).now;
        trial.burst(500);
        assert!(crowd(&trial.written, SECOND) <= most, "{per_second} a second");
        let slack = (trial.now - began).as_secs_f64() / 500.0 * per_second;
        assert!((0.99..1.1).contains(&slack), "{per_second} a second: {slack} of the time");
    }
}

#[test]
fn a_stall_is_followed_by_no_more_than_the_rate() {
    let mut trial = Trial::of(20.0);
    trial.burst(30).now += 7 * SECOND;
    trial.burst(60);
    assert_eq!(crowd(&trial.written, SECOND), 20);
}

#[test]
fn a_request_that_is_not_written_yet_may_be_written_at_any_instant() {
    let mut trial = Trial::of(2.0);
    trial.reserve();
    for _ in 0..3 {
        trial.reserve();
        assert_eq!(trial.starts.next(trial.now), Next::WhenOneIsWritten);
        trial.write();
    }
    trial.now += Duration::from_millis(400);
    trial.write();
    trial.burst(4);
    assert_eq!(crowd(&trial.written, SECOND), 2);
}

#[test]
fn a_raised_rate_holds_at_once_and_forgets_nothing() {
    let mut trial = Trial::of(2.0);
    let began = trial.burst(4).now;
    trial.starts.change(rules(10.0));
    trial.burst(30);
    assert!(crowd(&trial.written, SECOND) <= 10);
    assert!(trial.now - began < Duration::from_millis(4200));
    trial.starts.change(rules(1.0));
    let lowered = trial.burst(1).now;
    trial.burst(2);
    assert_eq!(crowd(&trial.written[trial.written.len() - 3..], SECOND), 1);
    assert!(lowered - trial.written[33] >= SECOND);
}

#[test]
fn a_process_that_has_just_begun_does_not_know_what_was_sent_before() {
    let mut trial = Trial::of(20.0);
    let began = trial.now;
    assert!(trial.burst(1).now - began >= SECOND);
}

#[tokio::test]
async fn a_turn_that_is_given_up_leaves_no_trace() {
    let fences = Fences::since(monotonic());
    let fence = fences.of(1, 1000.0);
    for _ in 0..2 {
        drop(fence.turn().await);
    }
    drop(tokio::time::timeout(Duration::from_nanos(1), fence.turn()).await);
    assert_eq!(fence.starts().pending, 0);
    let turn = fence.turn().await;
    assert_eq!(fence.starts().pending, 1);
    turn.write(monotonic());
    turn.write(monotonic());
    drop(turn);
    assert_eq!(fence.starts().pending, 0);
    assert_eq!(fence.starts().written.len(), 1000);
}

#[test]
fn a_fence_that_was_forgotten_comes_back_closed() {
    let fences = Fences::since(monotonic());
    for account_id in 0..=i32::try_from(FENCES_MAX).unwrap() {
        drop(fences.of(account_id, 1.0));
    }
    let before = monotonic();
    let again = fences.of(0, 1.0);
    assert!(matches!(again.starts().next(before), Next::At(at) if at >= before + SECOND / 2));
}
