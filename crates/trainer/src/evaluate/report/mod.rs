//! An evaluation as one HTML page that needs nothing else: no script, no other file, no network.

mod charts;
mod html;
mod parts;
pub mod rolls;

use super::figures::{Music, Spread};
use super::histograms::{self, HISTOGRAMS};
use super::spaces::SpaceMeasured;
use super::{Answer, Direction, Evaluation, ranking, writer};
use charts::Bar;
use html::{Table, decimals, escape, figure, percent};

const STYLE: &str = include_str!("style.css");
/// How many of the feature judge's weights are shown for each genre.
const WEIGHTS: usize = 8;

/// What a page tells of a pack: of each part that was measured.
#[derive(Clone, Copy, Default)]
pub struct Told<'a> {
    /// Its transfer.
    pub transfer: Option<&'a Evaluation>,
    /// Its writer.
    pub writer: Option<&'a writer::Measured>,
    /// Its space.
    pub space: Option<&'a SpaceMeasured>,
}

/// The page of the pack `name`. `curves` is an SVG of the training's losses.
pub fn page(name: &str, told: &Told, curves: Option<&str>) -> String {
    let title = escape(name);
    let mut body = match told.transfer {
        Some(evaluation) => transfer(evaluation, &title),
        None => format!("<h1>{title}</h1>\n"),
    };
    body += &told.writer.map(parts::writer).unwrap_or_default();
    body += &told.space.map(parts::space).unwrap_or_default();
    if let Some(svg) = curves {
        // An SVG file may begin with a line that only a file can have.
        let svg = svg.find("<svg").map_or("", |start| &svg[start..]);
        body += &format!("<h2>Training</h2>\n{}", figure(svg, "Losses by step."));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width\"/>\n<title>{title}: \
         evaluation</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// What is told of a transfer.
fn transfer(e: &Evaluation, title: &str) -> String {
    [
        head(e, title),
        heard(e),
        content(e),
        music(e),
        rolls_of(e),
        confusion(e),
        distances(e),
        feature_judge(e),
    ]
    .concat()
}

fn head(e: &Evaluation, title: &str) -> String {
    let phrases: Vec<String> =
        e.originals.iter().map(|genre| format!("{} {}", genre.phrases, escape(&genre.name))).collect();
    let mut html = format!(
        "<h1>{title}</h1>\n<p class=\"soft\">{} split: {} phrases. Amount {} %, source genre {}. SHA-256 \
         {}</p>\n",
        e.split.name(),
        phrases.join(", "),
        e.amount,
        if e.auto { "heard by the pack's classifier" } else { "told" },
        escape(e.pack[2].get(..16).unwrap_or("of a pack that was not written yet"))
    );
    for remark in &e.remarks {
        html += &format!("<p class=\"soft\">{}</p>\n", escape(remark));
    }
    html
}

fn key(entries: &[(&str, &str)]) -> String {
    let entry = |(colour, name): &(&str, &str)| {
        format!("<span class=\"key\" style=\"background:{colour}\"></span>{}", escape(name))
    };
    format!("<p class=\"soft\">{}</p>\n", entries.iter().map(entry).collect::<String>())
}

fn heard(e: &Evaluation) -> String {
    let mut html = "<h2>Is the other genre heard?</h2>\n<p>S<sub>tot</sub> of each pair: the mean drop, in \
                    points, of the share of phrases heard as their source genre. The mark is what real \
                    phrases of the target genre would score with that judge. A network judge can be fooled \
                    by a network: read it beside the judge of musical features.</p>\n"
        .to_string();
    let judges: Vec<(&str, &str)> =
        e.judges.iter().enumerate().map(|(j, name)| (charts::series(j), name.as_str())).collect();
    html += &key(&judges);
    let mut groups = Vec::new();
    for (a, b) in e.pairs() {
        let bar =
            |j: usize| Bar { value: e.total(a, b, j), mark: e.ceiling(a, b, j), colour: charts::series(j) };
        groups.push((format!("{} / {}", e.genres[a], e.genres[b]), (0..e.judges.len()).map(bar).collect()));
    }
    html += &figure(&charts::bars(&groups), "");
    for (j, judge) in e.judges.iter().enumerate() {
        let mut table =
            Table::new(&["Direction", "Origin", "Transfer", "Cycle", "S", "Ceiling", "Share of it"]);
        let share =
            |s: f64, ceiling: f64| if ceiling > 0.0 { percent(s / ceiling) } else { percent(f64::NAN) };
        for d in &e.directions {
            let v = &d.verdicts[j];
            let [origin, transfer, cycle] = v.heard.map(percent);
            let (s, top) = (v.strength, v.ceiling);
            table.row(&[
                escape(&e.title(d)),
                origin,
                transfer,
                cycle,
                percent(s),
                percent(top),
                share(s, top),
            ]);
        }
        for (a, b) in e.pairs() {
            let (s, top) = (e.total(a, b, j), e.ceiling(a, b, j));
            let name = escape(&format!("S_tot {} / {}", e.genres[a], e.genres[b]));
            let none = String::new;
            table.sum(&[name, none(), none(), none(), percent(s), percent(top), share(s, top)]);
        }
        html += &format!(
            "<h3>By {}</h3>\n<p class=\"soft\">Of the real phrases it hears right: {}. Below, the share of \
             the phrases heard as the source genre rather than the target, in per cent.</p>\n{}",
            escape(judge),
            escape(&e.right(j)),
            table.html()
        );
    }
    html
}

fn content(e: &Evaluation) -> String {
    let spread = |s: Spread| format!("{} &#177; {}", decimals(s.mean, 2), decimals(s.sd, 2));
    let mut table = Table::new(&[
        "Direction",
        "Added",
        "Removed",
        "Total",
        "Cells",
        "Notes",
        "Melody kept",
        "Harmony kept",
        "Out of range",
        "Empty",
        "Over 12",
        "Own genre",
    ]);
    for d in &e.directions {
        let f = &d.effect;
        table.row(&[
            escape(&e.title(d)),
            spread(f.added),
            spread(f.removed),
            spread(f.total),
            spread(f.density_ratio),
            spread(f.notes_ratio),
            percent(f.melody_kept.mean),
            decimals(f.harmony_kept.mean, 2),
            percent(f.out_of_range.mean),
            d.empty.to_string(),
            d.crowded.to_string(),
            decimals(e.originals[d.pair.1].own_change.mean, 2),
        ]);
    }
    format!(
        "<h2>How much of the phrase is left?</h2>\n<p>Cells added, removed and both, relative to the \
         source's cells; cells and notes of the answer over the source's; mean &#177; standard deviation \
         over phrases. <em>Melody kept</em>: share in per cent of the source's topmost notes whose pitch is \
         on top within the same beat of the answer. <em>Harmony kept</em>: correlation of the pitch classes \
         of each half bar. <em>Out of range</em>: per cent of the notes outside the range of 99 % of the \
         target genre's notes. <em>Empty</em>, <em>over 12</em>: answers without a note, with more than 12 \
         at once. <em>Own genre</em>: total change of phrases that are of the target genre already.</p>\n{}",
        table.html()
    )
}

fn music(e: &Evaluation) -> String {
    type Figure = (&'static str, fn(&Music<Spread>) -> String);
    let figures: [Figure; 6] = [
        ("Notes", |m| decimals(m.notes.mean, 1)),
        ("Polyphony", |m| decimals(m.polyphony.mean, 2)),
        ("Most at once", |m| decimals(m.most_at_once.mean, 1)),
        ("Out of key, %", |m| percent(m.out_of_key.mean)),
        ("One step long, %", |m| percent(m.one_step.mean)),
        ("Cut in pieces, %", |m| percent(m.stutters.mean)),
    ];
    let mut headings = vec!["Phrases"];
    headings.extend(figures.map(|(name, _)| name));
    let mut table = Table::new(&headings);
    let mut row = |name: String, music: &Music<Spread>, sum: bool| {
        let mut cells = vec![name];
        cells.extend(figures.map(|(_, figure)| figure(music)));
        if sum { table.sum(&cells) } else { table.row(&cells) }
    };
    for (target, genre) in e.originals.iter().enumerate() {
        row(format!("real {}", escape(&genre.name)), &genre.music, true);
        for d in e.directions.iter().filter(|d| d.pair.1 == target) {
            row(escape(&e.title(d)), &d.music, false);
        }
    }
    format!(
        "<h2>Is it music of that genre?</h2>\n<p>Transfers under the real phrases of the genre they are \
         meant for. Out of key: notes outside the key estimated from the source phrase. Cut in pieces: \
         notes that follow one of their own pitch after a single silent step.</p>\n{}",
        table.html()
    )
}

fn rolls_of(e: &Evaluation) -> String {
    let mut html = format!(
        "<h2>Phrases</h2>\n<p>Of each direction the phrases that the scoring classifier finds \
         transferred best, middling and worst. Four bars each.</p>\n{}",
        key(&[(rolls::KEPT, "kept"), (rolls::ADDED, "added"), (rolls::REMOVED, "removed (hollow)")])
    );
    for d in &e.directions {
        let rows = ranking::rows(d, true);
        let Some(last) = rows.len().checked_sub(1) else { continue };
        html += &format!("<h3>{}</h3>\n<div class=\"rolls\">\n", escape(&e.title(d)));
        for (name, place) in [("Best", 0), ("Median", last / 2), ("Worst", last)] {
            let row = &rows[place];
            let Some(Answer { effect, rolls: [origin, transfer, _], .. }) =
                d.phrases.iter().find(|answer| answer.id == row.id)
            else {
                continue;
            };
            let [p_origin, p_transfer, _] = row.probability;
            let caption = format!(
                "{name}: phrase {}, P({}) {} &#8594; {}, change {}, melody kept {} %",
                row.id,
                escape(&e.genres[d.pair.0]),
                decimals(p_origin, 2),
                decimals(p_transfer, 2),
                decimals(effect.total, 2),
                decimals(100.0 * effect.melody_kept, 0)
            );
            html += &figure(&rolls::change(origin, transfer), &caption);
        }
        html += "</div>\n";
    }
    html
}

fn confusion(e: &Evaluation) -> String {
    let mut html = "<h2>Heard as</h2>\n<p>Of the real phrases and of the transfers, how many each judge \
                    hears as which genre, in per cent.</p>\n<div class=\"grid\">\n"
        .to_string();
    for (j, judge) in e.judges.iter().enumerate() {
        let real = e.originals.iter().map(|g| (format!("real {}", g.name), g.confusion[j].clone()));
        let transfers = e.directions.iter().map(|d| (e.title(d), d.verdicts[j].confusion.clone()));
        let rows: Vec<_> = real.chain(transfers).collect();
        html += &figure(&charts::matrix(&rows, &e.genres), &format!("By {}", escape(judge)));
    }
    html + "</div>\n"
}

fn distances(e: &Evaluation) -> String {
    let mut headings = vec!["Distance to the target genre".to_string()];
    headings.extend(e.directions.iter().map(|d| escape(&e.title(d))));
    let mut table = Table::new(&headings);
    for (i, histogram) in HISTOGRAMS.iter().enumerate() {
        let mut cells = vec![escape(histogram.name)];
        for d in &e.directions {
            let far = d.distance(i);
            let class = if far.transfer <= far.source / 2.0 {
                " class=\"better\""
            } else if far.transfer > far.source {
                " class=\"worse\""
            } else {
                ""
            };
            let (from, to) = (decimals(far.source, 2), decimals(far.transfer, 2));
            cells.push(format!("<span{class}>{from} &#8594; {to}</span>"));
        }
        table.row(&cells);
    }
    let mut html = format!(
        "<h2>How far from the target genre?</h2>\n<p>Total variation distance of histograms (the share of \
         the counts that would have to move): source &#8594; transfer. Green: at least halved. Brown: \
         farther than before.</p>\n{}",
        table.html()
    );
    for d in &e.directions {
        html += &format!("<details><summary>{}: histograms</summary>\n", escape(&e.title(d)));
        html += &histograms_of(e, d);
        html += "</details>\n";
    }
    html
}

fn histograms_of(e: &Evaluation, d: &Direction) -> String {
    let (source, target) = (&e.originals[d.pair.0], &e.originals[d.pair.1]);
    let mut html = key(&[
        (charts::SOURCE, &format!("real {}", source.name)),
        (charts::TRANSFER, "transfers"),
        (charts::TARGET, &format!("real {}", target.name)),
    ]);
    html += "<div class=\"grid\">\n";
    for (i, histogram) in HISTOGRAMS.iter().enumerate() {
        let shares = [&source.histograms[i], &d.histograms[i], &target.histograms[i]]
            .map(|counts| histograms::shares(counts));
        let shares = [&shares[0][..], &shares[1][..], &shares[2][..]];
        html += &figure(&charts::histogram(histogram.name, histogram.bins, shares), "");
    }
    html + "</div>\n"
}

fn feature_judge(e: &Evaluation) -> String {
    let Some(model) = &e.features else { return String::new() };
    let mut table = Table::new(
        &model.genres.iter().map(|genre| format!("Heard as {}", escape(genre))).collect::<Vec<_>>(),
    );
    let ranked: Vec<Vec<(usize, f64)>> = model
        .regression
        .weights
        .iter()
        .map(|weights| {
            let mut all: Vec<(usize, f64)> =
                weights.iter().copied().enumerate().take(model.features.len()).collect();
            all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
            all
        })
        .collect();
    for place in 0..WEIGHTS {
        let cell = |all: &Vec<(usize, f64)>| {
            let (feature, weight) = all[place];
            format!("{} {weight:+.2}", escape(&model.features[feature]))
        };
        table.row(&ranked.iter().map(cell).collect::<Vec<_>>());
    }
    format!(
        "<h2>What the feature judge listens to</h2>\n<p>The largest weights of the logistic regression, by \
         standard deviation of each feature.</p>\n{}",
        table.html()
    )
}
