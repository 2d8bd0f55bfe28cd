//! The figures as a table for a terminal.

use std::fmt::Write;

use super::{Evaluation, faults};

/// What the tables call the baseline.
const RULE: &str = "  a plain rule";

impl Evaluation {
    /// A table for a terminal: three short ones, of what is heard, what is kept and what it is like.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write_table(&mut text).expect("a string takes all that is written");
        text
    }

    /// What an arranger would strike out, beside the same of real music: a table of the genres, and one a
    /// target.
    pub fn faults_table(&self) -> String {
        let real = |genre: usize| (format!("real {}", self.genres[genre]), &self.originals[genre].faults);
        let all: Vec<_> = (0..self.genres.len()).map(real).collect();
        let mut text = faults::table("Real music [95 % of works]", &all);
        for (target, name) in self.genres.iter().enumerate() {
            let into = self.directions.iter().filter(|d| d.pair.1 == target);
            let rule = |d| self.rule(d).map(|rule| (format!("a rule {}", self.title(d)), &rule.faults));
            let answers = into.flat_map(|d| [(self.title(d), &d.faults)].into_iter().chain(rule(d)));
            let columns: Vec<_> = [real(target)].into_iter().chain(answers).collect();
            text += &faults::table(&format!("Into {name}, amount {} %", self.amount), &columns);
        }
        self.write_others(&mut text).expect("a string takes all that is written");
        text
    }

    fn write_others(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\n{:<32} {:>8} {:>6} {:>23} {:>23}  P(target)",
            "As others measure", "content", "SSM r", "time-pitch macro, song", "onset-dur. macro, song"
        )?;
        let answers =
            |d| [(self.title(d), d)].into_iter().chain(self.rule(d).map(|rule| (RULE.to_string(), rule)));
        for (title, d) in self.directions.iter().flat_map(answers) {
            write!(text, "  {title:<30} {:>8.2} {:>6.2}", d.others.content, d.others.similarity)?;
            for near in &d.others.style {
                let way = |[from, to]: [f64; 2]| format!("{from:.2}>{to:.2}");
                write!(text, " {:>23}", format!("{}, {}", way(near.pooled), way(near.song)))?;
            }
            let heard = d.verdicts.iter().map(|v| format!("{:.2}>{:.2}", v.target[0], v.target[1]));
            writeln!(text, "  {}", heard.collect::<Vec<_>>().join(", "))?;
        }
        writeln!(text, "  (untouched > answered; by judge: {})", self.judges.join(", "))
    }

    fn write_table(&self, text: &mut String) -> std::fmt::Result {
        let percent = |x: f64| 100.0 * x;
        let [name, version, _] = &self.pack;
        let phrases: Vec<_> = self.originals.iter().map(|g| format!("{} {}", g.phrases, g.name)).collect();
        writeln!(
            text,
            "{name} {version}, amount {} %, {}source {}, {} split: {} phrases",
            self.amount,
            if self.latency == 4 { String::new() } else { format!("latency {} bars, ", self.latency) },
            if self.auto { "heard" } else { "told" },
            self.split.name(),
            phrases.join(", ")
        )?;
        if self.cycles && self.soft_cycle {
            writeln!(text, "cycles of the transfers' probabilities, not of their notes")?;
        }
        self.remarks.iter().try_for_each(|remark| writeln!(text, "{remark}"))?;

        let pair = |a: usize, b: usize| format!("S_tot {} / {}", self.genres[a], self.genres[b]);
        let titles = self.directions.iter().map(|d| self.title(d));
        let longest =
            titles.chain(self.pairs().into_iter().map(|(a, b)| pair(a, b))).map(|name| name.chars().count());
        let wide = longest.max().unwrap_or(0).max(28);
        for (j, judge) in self.judges.iter().enumerate() {
            writeln!(text, "\nBy {judge}, which hears right of the real phrases: {}", self.right(j))?;
            writeln!(
                text,
                "  {:<wide$}  origin  transfer   cycle       S  ceiling",
                "heard as the source genre, %"
            )?;
            for d in &self.directions {
                let v = &d.verdicts[j];
                let [origin, transfer, cycle] = v.heard.map(percent);
                let (title, s, ceiling) = (self.title(d), percent(v.strength), percent(v.ceiling));
                writeln!(
                    text,
                    "  {title:<wide$} {origin:>7.1} {transfer:>9.1} {cycle:>7.1} {s:>7.1} {ceiling:>8.1}"
                )?;
                if let Some(rule) = self.rule(d) {
                    let v = &rule.verdicts[j];
                    let [origin, transfer, _] = v.heard.map(percent);
                    let s = percent(v.strength);
                    writeln!(text, "  {:<wide$} {origin:>7.1} {transfer:>9.1} {:>7} {s:>7.1}", RULE, "")?;
                }
            }
            // A sum of one direction is that direction's S.
            let both = |(a, b): &(usize, usize)| {
                [(*a, *b), (*b, *a)].iter().all(|pair| self.directions.iter().any(|d| d.pair == *pair))
            };
            for (a, b) in self.pairs().into_iter().filter(both) {
                let (name, s, ceiling) =
                    (pair(a, b), percent(self.total(a, b, j)), percent(self.ceiling(a, b, j)));
                writeln!(text, "  {name:<wide$} {s:>33.1} {ceiling:>8.1}")?;
            }
        }

        writeln!(
            text,
            "\n{:<wide$}        added      removed        total  notes  melody harmony  empty  own genre",
            "Content, mean (sd)"
        )?;
        let answers =
            |d| [(self.title(d), d)].into_iter().chain(self.rule(d).map(|rule| (RULE.to_string(), rule)));
        for (title, d) in self.directions.iter().flat_map(answers) {
            let e = &d.effect;
            let spread = |s: super::figures::Spread| format!("{:.2} ({:.2})", s.mean, s.sd);
            writeln!(
                text,
                "  {title:<wide$} {:>12} {:>12} {:>12} {:>6.2} {:>7.2} {:>7.2} {:>6} {:>10.2}",
                spread(e.added),
                spread(e.removed),
                spread(e.total),
                e.notes_ratio.mean,
                e.melody_kept.mean,
                e.harmony_kept.mean,
                d.empty,
                self.originals[d.pair.1].own_change.mean
            )?;
        }

        if self.directions.iter().any(|d| !d.amounts.is_empty()) {
            write!(text, "\n{:<1$}", "Amount: change, melody %, harmony", wide + 2)?;
            let amounts = &self.directions[0].amounts;
            amounts.iter().try_for_each(|at| write!(text, " {:>14}", at.amount))?;
            writeln!(text)?;
            for d in &self.directions {
                write!(text, "  {:<wide$}", self.title(d))?;
                for at in &d.amounts {
                    let (melody, harmony) = (percent(at.melody_kept), at.harmony_kept);
                    let cell = format!("{:.2} {melody:.0} {harmony:.2}", at.change);
                    write!(text, " {cell:>14}")?;
                }
                writeln!(text)?;
            }
        }

        writeln!(
            text,
            "\n{:<wide$}   out of key  one step   stutter  range  at once      lengths      classes",
            "Music, % of notes"
        )?;
        for d in &self.directions {
            let (m, own, target) =
                (&d.music, &self.originals[d.pair.0].music, &self.originals[d.pair.1].music);
            let beside = |f: fn(&super::figures::Music<super::figures::Spread>) -> f64| {
                format!("{:.0}|{:.0}|{:.0}", f(own), f(m), f(target))
            };
            let far = |place| {
                let distance = d.distance(place);
                format!("{:.2} > {:.2}", distance.source, distance.transfer)
            };
            writeln!(
                text,
                "  {:<wide$} {:>11} {:>9} {:>9} {:>6.1} {:>8} {:>12} {:>12}",
                self.title(d),
                beside(|m| 100.0 * m.out_of_key.mean),
                beside(|m| 100.0 * m.one_step.mean),
                beside(|m| 100.0 * m.stutters.mean),
                percent(d.effect.out_of_range.mean),
                format!("{:.1}", m.polyphony.mean),
                far(super::histograms::NOTE_LENGTH),
                far(super::histograms::PITCH_CLASS)
            )?;
        }
        writeln!(
            text,
            "  (source|transfer|target genre; range: outside the target's; lengths, classes: histograms' \
             distance to the target genre, source > transfer)"
        )
    }
}
