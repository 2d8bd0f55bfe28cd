//! `add-part`: puts parts of one pack into another one, whose own stay what they are.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use model::{Card, Pack, Role, Weights, WriterFamily, spaces};

/// Options of `add-part`.
#[derive(Debug, clap::Args)]
pub struct AddOptions {
    /// The pack that gets them.
    pub pack: PathBuf,
    /// Packs whose feel, dynamics, writer and space are added, or take the place of those that are there;
    /// each knows all the pack's genres, by name.
    #[arg(long = "from", required = true, value_name = "PACK")]
    pub from: Vec<PathBuf>,
    /// The pack to write.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Does it; gives the pack and what was added.
///
/// # Errors
/// When a pack lacks a genre or has nothing to add.
pub fn add(options: &AddOptions) -> Result<(Pack, Vec<&'static str>)> {
    let mut pack = Pack::read(&options.pack)?;
    let mut added = Vec::new();
    for path in &options.from {
        let other = Pack::read(path)?;
        let roles = merge(&mut pack, &other).with_context(|| format!("{}", path.display()))?;
        added.extend(roles.into_iter().map(Role::name));
    }
    pack.write(&options.output)?;
    Ok((Pack::read(&options.output)?, added))
}

/// Puts the feel, the dynamics, the writer and the space of `other` into `pack`.
///
/// # Errors
/// When `other` has none of them, or lacks a genre of the pack.
pub fn merge(pack: &mut Pack, other: &Pack) -> Result<Vec<Role>> {
    let slots: Vec<u32> = pack.card.genres.iter().map(|name| slot(other, name)).collect::<Result<_>>()?;
    let genres = slots.len();
    let mut roles = Vec::new();
    if let Some(feel) = &other.card.parts.feel {
        pack.card.parts.feel = Some(model::FeelSizes { genres, ..feel.clone() });
        replace(pack, other, Role::Feel, &slots, |_| true)?;
        roles.push(Role::Feel);
    }
    if let Some(dynamics) = other.card.parts.dynamics {
        pack.card.parts.dynamics = Some(model::touch::TouchConfig { genres, ..dynamics });
        replace(pack, other, Role::Dynamics, &slots, |name| name == "scale" || name.starts_with("genre."))?;
        roles.push(Role::Dynamics);
    }
    if let Some(writer) = &other.card.parts.writer {
        let mut writer = writer.clone();
        match &mut writer {
            WriterFamily::Lstm(sizes) => sizes.genres = genres,
            WriterFamily::Seqgan(sizes) => sizes.genres = genres,
        }
        pack.card.parts.writer = Some(writer);
        replace(pack, other, Role::Writer, &slots, |name| name == "genre")?;
        roles.push(Role::Writer);
    }
    if let Some(space) = &other.card.parts.space {
        pack.card.parts.space = Some(spaces::of_genres(space, genres));
        replace(pack, other, Role::Space, &slots, |name| name == spaces::GENRE)?;
        roles.push(Role::Space);
    }
    ensure!(
        !roles.is_empty(),
        "it holds no feel, no dynamics, no writer and no space; nothing of it can be added"
    );
    about(pack, other, &roles);
    Ok(roles)
}

/// Where a recipe begins to speak of the parts that are added.
pub(crate) const MARK: &str = " Added parts: ";

/// Says on the card how the transfer was changed. What was measured of it before is no longer true; what was
/// measured of the other parts is.
pub(crate) fn transfer_changed(card: &mut Card, how: &str) {
    let (own, added) = card.recipe.split_once(MARK).unwrap_or((&card.recipe, ""));
    let mark = if added.is_empty() { "" } else { MARK };
    card.recipe = format!("{own} {how}{mark}{added}").trim_start().to_string();
    let others = [Role::Dynamics, Role::Feel, Role::Writer, Role::Space, Role::Classifier].map(Role::name);
    card.metrics.retain(|name, _| others.iter().any(|part| name.contains(part)));
}

/// Says on the card what was added: of a pack that has them added itself, what it says of them.
fn about(pack: &mut Pack, other: &Pack, roles: &[Role]) {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let own = other.card.recipe.split_once(MARK).map(|(_, added)| added.to_string());
    let own = own.unwrap_or_else(|| format!("{}: {}", names.join(" and "), other.card.recipe));
    let card = &mut pack.card;
    if !card.recipe.contains(&own) {
        let mark = if card.recipe.contains(MARK) { " " } else { MARK };
        card.recipe = format!("{}{mark}{own}", card.recipe);
    }
    for corpus in &other.card.data {
        if !card.data.contains(corpus) {
            card.data.push(corpus.clone());
        }
    }
    let of_part = |name: &str| roles.iter().any(|role| name.starts_with(&format!("{}_", role.name())));
    let of_parts = other.card.metrics.iter().filter(|(name, _)| of_part(name));
    card.metrics.extend(of_parts.map(|(name, value)| (name.clone(), *value)));
}

fn slot(pack: &Pack, genre: &str) -> Result<u32> {
    let found = pack.card.genres.iter().position(|name| name.eq_ignore_ascii_case(genre));
    let Some(slot) = found else {
        bail!(
            "it does not know the genre {genre}, only {}; make the part of music of all the pack's genres",
            pack.card.genres.join(", ")
        );
    };
    Ok(slot as u32)
}

/// Takes a part's parameters over; those that have a row a genre have it in the pack's order then.
fn replace(
    pack: &mut Pack,
    other: &Pack,
    role: Role,
    slots: &[u32],
    by_genre: impl Fn(&str) -> bool,
) -> Result<()> {
    let rows = Tensor::new(slots, &candle_core::Device::Cpu)?;
    let stacks = pack.card.parts.dynamics.is_some_and(|dynamics| dynamics.stacks() > 1);
    let mut all = Weights::new();
    for (name, tensor) in pack.weights.iter().filter(|(name, _)| !name.starts_with(role.prefix())) {
        all.insert(name.clone(), tensor.clone());
    }
    for (name, tensor) in other.weights.iter() {
        let Some(own) = name.strip_prefix(role.prefix()) else { continue };
        let tensor = if by_genre(own) { tensor.index_select(&rows, 0)? } else { tensor.clone() };
        // A stack a genre: under the number of each slot that is its genre.
        match own.strip_prefix("stack").and_then(|rest| rest.split_once('.')).filter(|_| stacks) {
            Some((stack, rest)) => {
                for slot in (0..slots.len()).filter(|slot| slots[*slot].to_string() == stack) {
                    all.insert(format!("{}stack{slot}.{rest}", role.prefix()), tensor.clone());
                }
            }
            None => all.insert(name.clone(), tensor),
        }
    }
    pack.weights = all;
    Ok(())
}
