/// Counts of one provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) provider: &'static str,
    pub(crate) kills: usize,
    /// Processes that were ended by a signal that they take, and that were stopped and continued.
    pub(crate) terminated: usize,
    pub(crate) frozen: usize,
    pub(crate) orders: usize,
    pub(crate) accepted: usize,
    /// Orders that a kill found inside their submit.
    pub(crate) caught: usize,
    /// Ends of the orders.
    pub(crate) ended: usize,
    /// Of those that were caught.
    pub(crate) caught_ended: usize,
    pub(crate) conflict: usize,
    pub(crate) unknown: usize,
    /// Orders of unknown outcome that the provider has.
    pub(crate) unknown_exist: usize,
    pub(crate) not_found: usize,
    /// Orders that were accepted, and that no record has.
    pub(crate) lost: Vec<String>,
    /// Orders that the provider has twice.
    pub(crate) doubles: Vec<String>,
    /// Orders whose end is not true.
    pub(crate) wrong: Vec<String>,
}

impl Counts {
    pub(crate) fn total(all: &[Self]) -> Self {
        let mut total = Self { provider: "total", ..Self::default() };
        for counts in all {
            total.kills += counts.kills;
            total.terminated += counts.terminated;
            total.frozen += counts.frozen;
            total.orders += counts.orders;
            total.accepted += counts.accepted;
            total.caught += counts.caught;
            total.ended += counts.ended;
            total.caught_ended += counts.caught_ended;
            total.conflict += counts.conflict;
            total.unknown += counts.unknown;
            total.unknown_exist += counts.unknown_exist;
            total.not_found += counts.not_found;
            total.lost.extend_from_slice(&counts.lost);
            total.doubles.extend_from_slice(&counts.doubles);
            total.wrong.extend_from_slice(&counts.wrong);
        }
        total
    }

    fn row(&self) -> String {
        let Self { kills, terminated, frozen, orders, accepted, caught, ended, conflict, unknown, not_found, .. } =
            self;
        let Self { provider, caught_ended, unknown_exist, lost, doubles, wrong, .. } = self;
        let (lost, doubles, wrong) = (lost.len(), doubles.len(), wrong.len());
        format!(
            "| {provider} | {kills} | {terminated} | {frozen} | {orders} | {accepted} | {ended} | {caught} | \
             {caught_ended} | {conflict} | {unknown} ({unknown_exist}) | {not_found} | {lost} | {doubles} | {wrong} |\n"
        )
    }
}

pub(crate) fn table(all: &[Counts]) -> String {
    let head = "| provider | SIGKILL | SIGTERM | SIGSTOP | orders | accepted | ended | caught in submit | \
                of them ended | conflict | unknown (exist) | not found | lost | double | wrong end |\n";
    let line = "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let rows: String = all.iter().chain([&Counts::total(all)]).map(Counts::row).collect();
    format!("{head}{line}{rows}")
}
