//! In which order actions run, and which qubits trade places in between.
//!
//! When an action needs a sharded qubit, that qubit trades places with the local one whose next such use is farthest
//! away (Belady's rule, optimal for one bit at a time); further sharded qubits that are needed sooner than the local
//! ones they would replace may travel in the same all-to-all, which moves `1 - 2^-m` of the shard for `m` bits instead of
//! a half for each. Before that, everything runs that can do without: actions that commute with all that is left
//! behind. Channels keep their order among themselves, on which the widths depend.
//!
//! Several rules are tried and the one that sends least is taken; the best looks ahead at every exchange: it takes
//! as many qubits along as make the rest of the circuit cheapest.

/// What the schedule needs to know of an action; all masks are over wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// All qubits.
    pub(super) qubits: u64,
    /// Those on which it is not diagonal.
    pub(super) mixed: u64,
    /// Those it needs local.
    pub(super) needs: u64,
    /// Whether it is a channel.
    pub(super) channel: bool,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The action with this index runs.
    Run(usize),
    /// Each (sharded, local) pair of wires trades places, all at once.
    Exchange(Vec<(usize, usize)>),
}

/// Which sharded qubits travel along with those that must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// None.
    Nobody,
    /// All that are needed sooner than those they replace.
    Everybody,
    /// As many of these as are best for the rest of the circuit.
    Best,
}

/// A way to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    reorder: bool,
    company: Company,
}

/// The rules that are tried; of equals the first is taken.
const RULES: [Rule; 5] = [
    Rule { reorder: false, company: Company::Everybody },
    Rule { reorder: true, company: Company::Everybody },
    Rule { reorder: true, company: Company::Nobody },
    Rule { reorder: false, company: Company::Best },
    Rule { reorder: true, company: Company::Best },
];
/// How many actions are looked at for one that can run before others.
const WINDOW: usize = 4096;
/// Circuits of more actions do without [`Company::Best`], whose time grows with the cube.
const LARGEST_LOOKAHEAD: usize = 1000;
/// Never used again.
const NEVER: usize = usize::MAX;

/// The events that send least, for wires of which `local` are local at the start.
pub(super) fn cheapest(items: &[Item], qubits: usize, local: u64) -> Vec<Event> {
    let start = Schedule::new(items, qubits, local);
    if local.count_ones() as usize == qubits {
        return start.finished(RULES[0]).events;
    }
    let tried = RULES.iter().filter(|rule| rule.company != Company::Best || items.len() <= LARGEST_LOOKAHEAD);
    let schedules = tried.map(|rule| start.clone().finished(*rule));
    let best = schedules.min_by(|one, other| one.sent.total_cmp(&other.sent));
    best.map(|schedule| schedule.events).unwrap_or_default()
}

/// An order in which actions on the same qubits follow each other as long as they can, the same for any number of
/// ranks: that of the cheapest schedule if a third of the qubits were sharded. (Measured on layers of neighbours and on random pairs
/// of 24 qubits: no other share is as good for 1 to 8 sharded qubits.)
pub(super) fn gathered(items: &[Item], qubits: usize) -> Vec<usize> {
    let needed = items.iter().map(|item| item.needs.count_ones() as usize).max().unwrap_or(0);
    let local = (qubits - qubits / 3).max(needed).min(qubits);
    let free: Vec<Item> = items.iter().map(|item| Item { channel: false, ..*item }).collect();
    let first = |qubit: &usize| items.iter().position(|item| item.needs >> qubit & 1 == 1).unwrap_or(NEVER);
    let mut order: Vec<usize> = (0..qubits).collect();
    order.sort_by_cached_key(first);
    let start = order[..local].iter().map(|qubit| 1 << qubit).sum();
    let run = |event| match event {
        Event::Run(index) => Some(index),
        Event::Exchange(_) => None,
    };
    cheapest(&free, qubits, start).into_iter().filter_map(run).collect()
}

/// A schedule in the making.
#[derive(Debug, Clone)]
struct Schedule<'a> {
    items: &'a [Item],
    qubits: usize,
    local: u64,
    done: Vec<bool>,
    /// All before this are done.
    first: usize,
    events: Vec<Event>,
    /// Shards sent so far.
    sent: f64,
}

impl<'a> Schedule<'a> {
    fn new(items: &'a [Item], qubits: usize, local: u64) -> Self {
        Schedule { items, qubits, local, done: vec![false; items.len()], first: 0, events: Vec::new(), sent: 0.0 }
    }

    /// Runs and exchanges until everything is done.
    fn finished(mut self, rule: Rule) -> Self {
        loop {
            self.run(rule.reorder);
            if self.first == self.items.len() {
                return self;
            }
            let choice = self.choice();
            let most = choice.welcome;
            let count = match rule.company {
                Company::Nobody => 0,
                Company::Everybody => most,
                Company::Best if most == 0 => 0,
                Company::Best => self.best_company(&choice, rule),
            };
            self.exchange(&choice, count);
        }
    }

    /// Runs what can run.
    fn run(&mut self, reorder: bool) {
        let everything = u64::MAX >> (64 - self.qubits.max(1));
        let (mut held, mut held_mixed, mut held_channel) = (0, 0, false);
        for index in self.first..self.items.len().min(self.first + WINDOW) {
            if self.done[index] {
                continue;
            }
            let item = self.items[index];
            let overtakes = item.qubits & held_mixed | item.mixed & held == 0 && !(item.channel && held_channel);
            if item.needs & !self.local == 0 && overtakes {
                self.done[index] = true;
                self.events.push(Event::Run(index));
            } else {
                held |= item.qubits;
                held_mixed |= item.mixed;
                held_channel |= item.channel;
                if !reorder || held_mixed & everything == everything {
                    break;
                }
            }
        }
        while self.done.get(self.first).is_some_and(|done| *done) {
            self.first += 1;
        }
    }

    /// For each wire the next action that needs it local.
    fn next_uses(&self) -> Vec<usize> {
        let mut next = vec![NEVER; self.qubits];
        let mut missing = self.qubits;
        for index in (self.first..self.items.len()).filter(|index| !self.done[*index]) {
            for (qubit, next) in next.iter_mut().enumerate().filter(|(_, next)| **next == NEVER) {
                if self.items[index].needs >> qubit & 1 == 1 {
                    *next = index;
                    missing -= 1;
                }
            }
            if missing == 0 {
                break;
            }
        }
        next
    }

    /// Who can travel before the first action that is left.
    fn choice(&self) -> Choice {
        let needed = self.items[self.first].needs;
        let next = self.next_uses();
        let wires = |set: u64| (0..self.qubits).filter(move |qubit| set >> qubit & 1 == 1);
        let mut come: Vec<usize> = wires(needed & !self.local).collect();
        let forced = come.len();
        let mut others: Vec<usize> = wires(!self.local & !needed).collect();
        others.sort_by_key(|qubit| (next[*qubit], *qubit));
        let mut go: Vec<usize> = wires(self.local & !needed).collect();
        go.sort_by_key(|qubit| std::cmp::Reverse((next[*qubit], *qubit)));
        let sooner = |(come, go): &(&usize, &usize)| next[**come] < next[**go];
        let welcome = others.iter().zip(&go[forced..]).take_while(sooner).count();
        come.extend(others);
        Choice { come, go, forced, welcome }
    }

    /// Makes an exchange of the forced and `company` more.
    fn exchange(&mut self, choice: &Choice, company: usize) {
        let pairs: Vec<(usize, usize)> =
            choice.come.iter().copied().zip(choice.go.iter().copied()).take(choice.forced + company).collect();
        pairs.iter().for_each(|(come, go)| self.local = self.local & !(1 << go) | 1 << come);
        self.sent += 1.0 - 0.5f64.powi(pairs.len() as i32);
        self.events.push(Event::Exchange(pairs));
    }

    /// How much company makes the rest cheapest if everybody travels along from the next exchange on.
    fn best_company(&self, choice: &Choice, rule: Rule) -> usize {
        let rest = Rule { company: Company::Everybody, ..rule };
        let sent = |count: &usize| {
            let mut ahead = Schedule { done: self.done.clone(), events: Vec::new(), ..*self };
            ahead.exchange(choice, *count);
            ahead.finished(rest).sent
        };
        let counts = (0..=choice.welcome).rev().map(|count| (count, sent(&count)));
        counts.reduce(|one, other| if other.1 < one.1 { other } else { one }).map_or(0, |(count, _)| count)
    }
}

/// Sharded wires in the order in which they should come, local ones in that in which they should go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    come: Vec<usize>,
    go: Vec<usize>,
    /// The first of those that come must.
    forced: usize,
    /// As many more are needed sooner than those they replace.
    welcome: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random actions on two qubits each: dense, or diagonal one time in four.
    fn random(qubits: usize, count: usize, seed: u64) -> Vec<Item> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % limit
        };
        let mut item = || {
            let (first, step, diagonal) = (below(qubits), 1 + below(qubits - 1), below(4) == 0);
            let both = 1 << first | 1 << ((first + step) % qubits);
            let mixed = if diagonal { 0 } else { both };
            Item { qubits: both, mixed, needs: mixed, channel: false }
        };
        (0..count).map(|_| item()).collect()
    }

    fn brickwork(qubits: usize, depth: usize) -> Vec<Item> {
        let pairs = (0..depth).flat_map(|layer| (layer % 2..qubits - 1).step_by(2));
        let item = |first: usize| Item { qubits: 3 << first, mixed: 3 << first, needs: 3 << first, channel: false };
        pairs.map(item).collect()
    }

    fn sent(events: &[Event]) -> f64 {
        let one = |event: &Event| match event {
            Event::Exchange(pairs) => 1.0 - 0.5f64.powi(pairs.len() as i32),
            Event::Run(_) => 0.0,
        };
        events.iter().map(one).sum()
    }

    /// Each sharded target is swapped in and straight back.
    fn one_by_one(items: &[Item], local: u64) -> f64 {
        items.iter().map(|item| f64::from((item.needs & !local).count_ones())).sum()
    }

    /// Everything runs once, with its targets local, and in an order that changes nothing.
    fn check(items: &[Item], mut local: u64, events: &[Event]) {
        let mut order = Vec::new();
        for event in events {
            match event {
                Event::Exchange(pairs) => pairs.iter().for_each(|(come, go)| {
                    assert!(local >> come & 1 == 0 && local >> go & 1 == 1);
                    local ^= 1 << come | 1 << go;
                }),
                Event::Run(index) => {
                    assert_eq!(items[*index].needs & !local, 0);
                    order.push(*index);
                }
            }
        }
        for (position, later) in order.iter().enumerate() {
            for earlier in order[position..].iter().filter(|earlier| *earlier < later) {
                let (one, other) = (items[*earlier], items[*later]);
                assert_eq!(one.qubits & other.qubits & (one.mixed | other.mixed), 0, "{later} overtakes {earlier}");
                assert!(!(one.channel && other.channel), "channels keep their order");
            }
        }
        order.sort_unstable();
        assert!(order.into_iter().eq(0..items.len()));
    }

    #[test]
    fn less_is_sent_than_by_one_rule_alone_and_far_less_than_by_pairwise_swaps() {
        for (qubits, sharded, seed) in [(12, 2, 1), (16, 3, 2), (20, 4, 3), (24, 6, 4), (10, 7, 5)] {
            let items = random(qubits, 150, seed);
            let local = (1 << (qubits - sharded)) - 1;
            let events = cheapest(&items, qubits, local);
            check(&items, local, &events);
            let rule = Schedule::new(&items, qubits, local).finished(RULES[0]).sent;
            let (best, swaps) = (sent(&events), one_by_one(&items, local));
            println!("{qubits} qubits, {sharded} sharded: {best} shards sent; one rule {rule}, pairwise {swaps}");
            assert!(best <= rule && 2.0 * best <= swaps, "{best} {rule} {swaps}");
        }
    }

    #[test]
    fn layers_are_run_deep_before_qubits_trade_places() {
        let items = brickwork(24, 20);
        let local = (1 << 21) - 1;
        let events = cheapest(&items, 24, local);
        check(&items, local, &events);
        let rule = Schedule::new(&items, 24, local).finished(RULES[0]).sent;
        println!("brickwork: {} shards sent; one rule {rule}, pairwise {}", sent(&events), one_by_one(&items, local));
        assert!(2.0 * sent(&events) <= rule, "{} {rule}", sent(&events));
    }

    #[test]
    fn channels_in_a_gathered_order_need_few_exchanges() {
        let noisy = |items: &[Item]| items.iter().map(|item| Item { channel: true, ..*item }).collect::<Vec<_>>();
        let layers = brickwork(24, 20);
        let order = gathered(&layers, 24);
        let gathered: Vec<Item> = order.iter().map(|index| layers[*index]).collect();
        for sharded in 1..=8 {
            let local = (1 << (24 - sharded)) - 1;
            let [before, after] = [&layers, &gathered].map(|items| sent(&cheapest(&noisy(items), 24, local)));
            println!("{sharded} sharded: {after} shards sent, {before} in layers");
            assert!(6.0 * after <= before, "{after} {before}");
        }
    }

    #[test]
    fn channels_keep_their_order() {
        let mut items = random(12, 100, 9);
        items.iter_mut().step_by(3).for_each(|item| item.channel = true);
        check(&items, (1 << 9) - 1, &cheapest(&items, 12, (1 << 9) - 1));
    }
}
