//! The figures as a table for a terminal.

use std::fmt::Write;

use super::Evaluation;

impl Evaluation {
    /// A table for a terminal: three short ones, of what is heard, what is kept and what it is like.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write_table(&mut text).expect("a string takes all that is written");
        text
    }

    fn write_table(&self, text: &mut String) -> std::fmt::Result {
        let percent = |x: f64| 100.0 * x;
        let [name, version, _] = &self.pack;
        let phrases: Vec<_> = self.originals.iter().map(|g| format!("{} {}", g.phrases, g.name)).collect();
        writeln!(
            text,
            "{name} {version}, amount {} %, source {}, {} split: {} phrases",
            self.amount,
            if self.auto { "heard" } else { "told" },
            self.split.name(),
            phrases.join(", ")
        )?;
        self.remarks.iter().try_for_each(|remark| writeln!(text, "{remark}"))?;

        for (j, judge) in self.judges.iter().enumerate() {
            writeln!(
                text,
                "\nHeard as the source genre in %, by {judge:<22} origin transfer   cycle       S   real"
            )?;
            for d in &self.directions {
                let v = &d.verdicts[j];
                let [origin, transfer, cycle] = v.heard.map(percent);
                let (s, ceiling) = (percent(v.strength), percent(v.ceiling));
                writeln!(
                    text,
                    "  {:<52} {origin:>6.1}   {transfer:>6.1}  {cycle:>6.1}  {s:>6.1} {ceiling:>6.1}",
                    self.title(d)
                )?;
            }
            for (a, b) in self.pairs() {
                let (s, ceiling) = (percent(self.total(a, b, j)), percent(self.ceiling(a, b, j)));
                let pair = format!("S_tot {} / {}", self.genres[a], self.genres[b]);
                writeln!(text, "  {pair:<52} {s:>32.1} {ceiling:>6.1}")?;
            }
        }

        writeln!(
            text,
            "\nContent, mean (sd)        added      removed        total    notes  melody harmony  empty  own genre"
        )?;
        for d in &self.directions {
            let e = &d.effect;
            let spread = |s: super::figures::Spread| format!("{:.2} ({:.2})", s.mean, s.sd);
            writeln!(
                text,
                "  {:<17} {:>12} {:>12} {:>12} {:>8.2} {:>7.2} {:>7.2} {:>6} {:>10.2}",
                self.title(d),
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

        writeln!(
            text,
            "\nMusic, % of notes       out of key  one step  stutter  range  at once   distance of lengths  classes"
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
                "  {:<17} {:>14} {:>9} {:>8} {:>6.1} {:>8} {:>21} {:>8}",
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
        writeln!(text, "  (source|transfer|target genre; distances to the target genre: source > transfer)")
    }
}
