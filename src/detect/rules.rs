//! The rules of a run: those that are meant, narrowed by filters, with the correlations over them.

use std::io::Read;
use std::path::PathBuf;

use super::load::{Loaded, load};
use super::predicate::Predicate;
use super::problem::Problem;
use super::rule::{Bound, Correlation, Document, Filter, Header, Kind, Level, LogSource, Rule};

/// One rule that is not run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which one.
    pub header: Header,
    /// The log that it is for.
    pub why: String,
}

/// The rules of a run.
#[derive(Debug, Default)]
pub struct Rules {
    /// Rules about single events. Those that only correlations ask for are hidden.
    pub rules: Vec<Rule>,
    /// Correlations, each behind those that it is over.
    pub correlations: Vec<Linked>,
    /// Rules for other logs.
    pub skipped: Vec<Skipped>,
    /// What can't be run.
    pub problems: Vec<Problem>,
    /// What is said of rules that run.
    pub notes: Vec<Problem>,
    /// Documents that were read.
    pub documents: usize,
}

/// A correlation whose rules were found.
#[derive(Debug)]
pub struct Linked {
    /// The correlation.
    pub correlation: Correlation,
    /// What it is over, in its order.
    pub(super) sources: Vec<Source>,
    /// Whether its own findings are reported, not only those of correlations over it.
    pub(super) is_told: bool,
}

/// What a correlation is over: places in [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Rule(usize),
    Correlation(usize),
}

/// Correlations over each other.
const DEPTH_MAX: usize = 20;

impl Rules {
    /// Reads rules from files, folders and (`-`) an input; of those with a level the ones from `level` on.
    pub fn read(paths: &[PathBuf], input: &mut dyn Read, level: Option<Level>) -> Rules {
        let Loaded { documents, problems, notes, count } = load(paths, input);
        let mut rules = Rules { problems, notes, documents: count, ..Rules::default() };
        let (mut filters, mut open) = (Vec::new(), Vec::new());
        for document in documents {
            match document {
                Document::Rule(rule) => rules.rules.push(rule),
                Document::Counted(rule, correlation) => {
                    open.push((*correlation, Some(rules.rules.len())));
                    rules.rules.push(rule);
                }
                Document::Correlation(correlation) => open.push((correlation, None)),
                Document::Filter(filter) => filters.push(filter),
                Document::Skipped(header, logsource) => rules.skip(header, &logsource),
            }
        }
        filters.iter().for_each(|filter| rules.narrow(filter));
        rules.link(open);
        rules.leave_out(level);
        rules
    }

    fn skip(&mut self, header: Header, logsource: &LogSource) {
        self.skipped.push(Skipped { header, why: format!("it is for another log: {logsource}") });
    }

    /// Adds the condition of a filter to the rules that it names.
    fn narrow(&mut self, filter: &Filter) {
        let names = |header: &Header| match &filter.rules {
            None => true,
            Some(names) => names.iter().any(|name| header.is_called(name) || header.title == *name),
        };
        let mut is_used = false;
        for rule in &mut self.rules {
            if names(&rule.header) && filter.logsource.holds(&rule.logsource) {
                let own = std::mem::replace(&mut rule.predicate, Predicate::Always(true));
                rule.predicate = Predicate::all(vec![own, filter.predicate.clone()]);
                is_used = true;
            }
        }
        // One for rules of other logs has nothing to say here.
        if !is_used && (filter.logsource.is_cloudtrail() || filter.rules.is_some()) {
            let place = filter.header.place.key("filter.rules");
            self.notes.push(place.problem("names no rule that is run: the filter is not used", ""));
        }
    }

    /// Finds the rules of correlations, those first that others are over.
    fn link(&mut self, open: Vec<(Correlation, Option<usize>)>) {
        let mut waiting = open;
        let mut hidden = Vec::new();
        for _ in 0..DEPTH_MAX {
            let known: Vec<Header> = waiting.iter().map(|(correlation, _)| correlation.header.clone()).collect();
            let mut next = Vec::new();
            let before = waiting.len();
            for (correlation, own) in waiting {
                match self.sources(&correlation, own, &known) {
                    Found::All(sources) => self.take(correlation, sources, &mut hidden),
                    Found::Later => next.push((correlation, own)),
                    Found::Missing(problem) => self.problems.push(problem),
                }
            }
            let is_stuck = next.len() == before;
            waiting = next;
            if is_stuck || waiting.is_empty() {
                break;
            }
        }
        for (correlation, _) in waiting {
            let place = correlation.header.place.key("correlation.rules");
            let hint = "a correlation is over rules, or over correlations that end at rules";
            self.problems.push(place.problem("leads around in a circle, or over too many correlations", hint));
        }
        for source in hidden {
            match source {
                Source::Rule(at) => {
                    if let Some(rule) = self.rules.get_mut(at) {
                        rule.is_hidden = true;
                    }
                }
                Source::Correlation(at) => {
                    if let Some(linked) = self.correlations.get_mut(at) {
                        linked.is_told = false;
                    }
                }
            }
        }
    }

    fn take(&mut self, correlation: Correlation, sources: Vec<Source>, hidden: &mut Vec<Source>) {
        let over_tumbling = sources.iter().find_map(|source| match source {
            Source::Correlation(at) => self.correlations.get(*at).filter(|linked| !linked.correlation.slides()),
            Source::Rule(_) => None,
        });
        if let Some(inner) = over_tumbling {
            let what = format!("is over `{}`, which is met only when its time is over", inner.correlation.header.title);
            let hint = "give that one gt or gte alone, and count";
            return self.problems.push(correlation.header.place.key("correlation.rules").problem(what, hint));
        }
        if !correlation.generates {
            hidden.extend(sources.iter().copied());
        }
        self.correlations.push(Linked { correlation, sources, is_told: true });
    }

    fn sources(&self, correlation: &Correlation, own: Option<usize>, waiting: &[Header]) -> Found {
        if let Some(own) = own {
            return Found::All(vec![Source::Rule(own)]);
        }
        let mut sources = Vec::new();
        for name in &correlation.rules {
            let rule = self.rules.iter().position(|rule| rule.header.is_called(name)).map(Source::Rule);
            let over = self.correlations.iter().position(|linked| linked.correlation.header.is_called(name));
            match rule.or(over.map(Source::Correlation)) {
                Some(source) => sources.push(source),
                None if waiting.iter().any(|header| header.is_called(name)) => return Found::Later,
                None => {
                    let is_other = self.skipped.iter().any(|skipped| skipped.header.is_called(name));
                    let what = match is_other {
                        true => format!("names `{name}`, which is for another log"),
                        false => format!("names `{name}`, which is no rule that is run"),
                    };
                    let hint = "give the file that has the rule of this id or name too";
                    return Found::Missing(correlation.header.place.key("correlation.rules").problem(what, hint));
                }
            }
        }
        Found::All(sources)
    }

    /// Leaves out what is not grave enough, the graver first; rules that a correlation is over stay hidden.
    fn leave_out(&mut self, least: Option<Level>) {
        let is_meant = |header: &Header| least.is_none_or(|least| header.level.is_some_and(|level| level >= least));
        self.rules.iter_mut().filter(|rule| !is_meant(&rule.header)).for_each(|rule| rule.is_hidden = true);
        let unmeant = self.correlations.iter_mut().filter(|linked| !is_meant(&linked.correlation.header));
        unmeant.for_each(|linked| linked.is_told = false);
    }

    /// Places of the rules whose own findings are reported, the gravest first.
    pub(super) fn told(&self) -> Vec<usize> {
        let mut told: Vec<usize> =
            self.rules.iter().enumerate().filter(|(_, rule)| !rule.is_hidden).map(|(at, _)| at).collect();
        told.sort_by_key(|at| std::cmp::Reverse(self.rules.get(*at).and_then(|rule| rule.header.level)));
        told
    }

    /// Places of the correlations that are told, the gravest first.
    pub(super) fn told_correlations(&self) -> Vec<usize> {
        let all = self.correlations.iter().enumerate();
        let mut told: Vec<usize> = all.filter(|(_, linked)| linked.is_told).map(|(at, _)| at).collect();
        let level = |at: &usize| self.correlations.get(*at).and_then(|linked| linked.correlation.header.level);
        told.sort_by_key(|at| std::cmp::Reverse(level(at)));
        told
    }

    /// Which correlations are needed: those whose findings are reported, and those that such ones are over.
    pub(super) fn needed(&self) -> Vec<bool> {
        let mut needed: Vec<bool> = self.correlations.iter().map(|linked| linked.is_told).collect();
        // A correlation stands behind those that it is over.
        for (at, linked) in self.correlations.iter().enumerate().rev() {
            if needed.get(at) != Some(&true) {
                continue;
            }
            for source in &linked.sources {
                if let Source::Correlation(below) = source
                    && let Some(below) = needed.get_mut(*below)
                {
                    *below = true;
                }
            }
        }
        needed
    }

    /// Headers of all that is told, in the order in which it is.
    pub fn headers(&self) -> Vec<&Header> {
        let rules = self.told().into_iter().filter_map(|at| self.rules.get(at)).map(|rule| &rule.header);
        let over = self.told_correlations().into_iter().filter_map(|at| self.correlations.get(at));
        rules.chain(over.map(|linked| &linked.correlation.header)).collect()
    }
}

enum Found {
    All(Vec<Source>),
    /// One of them is a correlation whose rules are not found yet.
    Later,
    Missing(Problem),
}

impl Correlation {
    /// Whether it is met as soon as enough has come together in any window; else windows follow each other, and are
    /// judged when they are over.
    pub(super) fn slides(&self) -> bool {
        !matches!(self.kind, Kind::ValueAverage(_)) && self.bounds.iter().all(|bound: &Bound| bound.grows())
    }
}
