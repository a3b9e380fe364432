//! References and smart pointers to a provider are providers that forward everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulkrail::test_util::{VirtualClock, running};
use bulkrail::time::Clock;
use bulkrail::{
    Batch, DynProvider, Error, ErrorKind, PollLimit, PollingDefaults, Provider, ProviderId, Snapshot, WaitSet, wait,
};

use crate::common::secs;

const ID: ProviderId = ProviderId::from_static("distinct");
const DEFAULTS: PollingDefaults = PollingDefaults::new().with_requests_per_second(3.5);

/// Provider that overrides every default of the trait.
struct Distinct {
    clock: VirtualClock,
    polls: AtomicUsize,
}

impl Provider for Distinct {
    fn id(&self) -> ProviderId {
        ID
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        Ok(running(3, 10))
    }

    fn polling_defaults(&self) -> PollingDefaults {
        DEFAULTS.with_deadline(secs(77))
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        Some(PollLimit::new(2))
    }
}

/// Checks everything that `provider` forwards to a new [`Distinct`], and that waits and wait sets
/// use it.
fn check<P: Provider>(pointer: &str, make: impl Fn(Distinct) -> P, polls: impl Fn(&P) -> usize) {
    let clock = VirtualClock::new();
    let provider = make(Distinct { clock: clock.clone(), polls: AtomicUsize::new(0) });
    let batch = Batch::new(ID, "b").unwrap();
    assert_eq!(provider.id(), ID, "{pointer}");
    assert_eq!(provider.polling_defaults(), DEFAULTS.with_deadline(secs(77)), "{pointer}");
    clock.advance(secs(5));
    assert_eq!(provider.clock().now(), secs(5), "{pointer}");
    assert!(provider.poll_limit().is_some(), "{pointer}");
    assert_eq!(clock.run(provider.poll(&batch)).unwrap().progress, running(3, 10).progress, "{pointer}");
    assert_eq!(polls(&provider), 1, "{pointer}");

    let error = clock.run(wait(&provider, batch.clone())).unwrap_err();
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Deadline, secs(5 + 77)), "{pointer}");
    let before = polls(&provider);
    let mut set = WaitSet::new(&provider);
    set.add(batch).unwrap();
    let (_, end) = clock.run(set.next()).unwrap();
    assert_eq!((end.unwrap_err().kind(), clock.elapsed()), (ErrorKind::Deadline, secs(5 + 2 * 77)), "{pointer}");
    assert!(before > 1 && polls(&provider) > before, "{pointer}");
}

#[test]
fn provider_pointers_forward_id_polls_defaults_clock_and_limit() {
    let count = |provider: &Distinct| provider.polls.load(Ordering::SeqCst);
    check("P", |provider| provider, count);
    check("&P", |provider| &*Box::leak(Box::new(provider)), |provider| count(provider));
    check("&&P", |provider| &*Box::leak(Box::new(&*Box::leak(Box::new(provider)))), |provider| count(provider));
    check("Arc<P>", Arc::new, |provider| count(provider));
    check("Box<P>", Box::new, |provider| count(provider));
    check("Arc<Box<P>>", |provider| Arc::new(Box::new(provider)), |provider| count(provider));
}

#[test]
fn dyn_providers_forward_id_polls_defaults_clock_and_limit() {
    check_dyn("&dyn DynProvider", |provider| &*Box::leak(Box::new(provider)) as &dyn DynProvider);
    check_dyn("Arc<dyn DynProvider>", |provider| Arc::new(provider) as Arc<dyn DynProvider>);
    check_dyn("Box<dyn DynProvider>", |provider| Box::new(provider) as Box<dyn DynProvider>);
}

fn check_dyn<P: Provider>(pointer: &str, make: impl Fn(Arc<Distinct>) -> P) {
    let polled: std::cell::RefCell<Option<Arc<Distinct>>> = std::cell::RefCell::default();
    let make = |provider: Distinct| make(Arc::clone(polled.borrow_mut().insert(Arc::new(provider))));
    check(pointer, make, |_| polled.borrow().as_ref().map_or(0, |provider| provider.polls.load(Ordering::SeqCst)));
}

#[test]
fn dyn_providers_of_different_types_are_waited_on_in_one_list() {
    let clock = VirtualClock::new();
    let other = bulkrail::test_util::MockProvider::in_order(&clock).then(|| Ok(bulkrail::test_util::finished(1, 0)));
    let distinct = Distinct { clock: clock.clone(), polls: AtomicUsize::new(0) };
    let providers: Vec<Arc<dyn DynProvider>> = vec![Arc::new(distinct), Arc::new(other)];
    let ends: Vec<_> = providers
        .iter()
        .map(|provider| {
            let batch = Batch::new(provider.id(), "b").unwrap();
            clock.run(wait(provider, batch).deadline(secs(10)))
        })
        .collect();
    assert_eq!(ends[0].as_ref().unwrap_err().kind(), ErrorKind::Deadline);
    assert!(ends[1].as_ref().unwrap().snapshot.is_terminal());
}
