// Finds added tokens in text, as the tokenizers library does, with two things it lacks: places where
// no token may begin or pass, and a cost that stays linear whatever the text holds.
use aho_corasick::{AhoCorasick, Input, MatchKind};
use regex::Regex;
use std::collections::HashMap;
use std::ops::Range;
use tokenizers::tokenizer::normalizer::Range as Within;
use tokenizers::{AddedToken, NormalizedString, Normalizer, NormalizerWrapper};

use crate::boundary::Outcome;

/// Which added tokens are recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recognise {
    All,
    OrdinaryOnly,
}

/// A found token: its id and where it stands.
pub struct Found {
    pub id: u32,
    pub range: Range<usize>,
}

/// One set of patterns that is matched against one form of the text.
struct Patterns {
    automaton: Option<AhoCorasick>,
    ids: Vec<u32>,
}

impl Patterns {
    fn new(pairs: Vec<(String, u32)>, kind: MatchKind) -> Outcome<Self> {
        let ids = pairs.iter().map(|(_, id)| *id).collect();
        let automaton = if pairs.is_empty() {
            None
        } else {
            let texts = pairs.into_iter().map(|(text, _)| text);
            Some(AhoCorasick::builder().match_kind(kind).build(texts)?)
        };
        Ok(Patterns { automaton, ids })
    }
}

/// The added tokens of one tokenizer. Immutable.
pub struct AddedMatcher {
    tokens: HashMap<u32, AddedToken>,
    raw: [Patterns; 2],
    normalized: [Patterns; 2],
    special_texts: Patterns,
    special_forms: Patterns,
    word: Regex,
}

fn normalized_form(token: &AddedToken, normalizer: Option<&NormalizerWrapper>) -> Outcome<String> {
    let mut form = NormalizedString::from(token.content.as_str());
    if let Some(normalizer) = normalizer {
        normalizer.normalize(&mut form)?;
    }
    Ok(form.get().to_owned())
}

impl AddedMatcher {
    pub fn new(
        tokens: HashMap<u32, AddedToken>,
        normalizer: Option<&NormalizerWrapper>,
    ) -> Outcome<Self> {
        let mut raw = [Vec::new(), Vec::new()];
        let mut normalized = [Vec::new(), Vec::new()];
        let mut special_texts = Vec::new();
        let mut special_forms = Vec::new();
        for (id, token) in &tokens {
            let form = if token.normalized {
                normalized_form(token, normalizer)?
            } else {
                token.content.clone()
            };
            let lists = if token.normalized { &mut normalized } else { &mut raw };
            lists[0].push((form.clone(), *id));
            if !token.special {
                lists[1].push((form.clone(), *id));
                continue;
            }
            special_texts.push((token.content.clone(), *id));
            if token.normalized {
                special_forms.push((token.content.clone(), *id));
                special_forms.push((form, *id));
            }
        }
        let both = |[all, ordinary]: [Vec<(String, u32)>; 2]| -> Outcome<[Patterns; 2]> {
            Ok([
                Patterns::new(all, MatchKind::LeftmostLongest)?,
                Patterns::new(ordinary, MatchKind::LeftmostLongest)?,
            ])
        };
        Ok(AddedMatcher {
            raw: both(raw)?,
            normalized: both(normalized)?,
            special_texts: Patterns::new(special_texts, MatchKind::Standard)?,
            special_forms: Patterns::new(special_forms, MatchKind::Standard)?,
            word: Regex::new(r"^\w$")?,
            tokens,
        })
    }

    /// Tokens that are looked for before normalization. `barriers` are ascending disjoint ranges
    /// of `text` that no match may touch.
    pub fn find_raw(&self, text: &str, which: Recognise, barriers: &[Range<usize>]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut begin = 0;
        for barrier in barriers {
            self.find(text, begin..barrier.start, &self.raw[which as usize], &mut found);
            begin = barrier.end;
        }
        self.find(text, begin..text.len(), &self.raw[which as usize], &mut found);
        found
    }

    /// Tokens that are looked for in the normalized text, but for those that touch a barrier of
    /// the original text.
    pub fn find_normalized(
        &self,
        piece: &NormalizedString,
        which: Recognise,
        barriers: &[Range<usize>],
    ) -> Vec<Found> {
        let mut found = Vec::new();
        let text = piece.get();
        self.find(text, 0..text.len(), &self.normalized[which as usize], &mut found);
        let shift = piece.offsets_original().0;
        found.retain(|Found { range, .. }| {
            let original = piece.convert_offsets(Within::Normalized(range.clone()));
            original.is_none_or(|original| {
                let next =
                    barriers.partition_point(|barrier| barrier.end <= shift + original.start);
                barriers.get(next).is_none_or(|barrier| barrier.start >= shift + original.end)
            })
        });
        found
    }

    fn find(&self, text: &str, within: Range<usize>, patterns: &Patterns, found: &mut Vec<Found>) {
        let Some(automaton) = &patterns.automaton else {
            return;
        };
        for hit in automaton.find_iter(Input::new(text).range(within)) {
            let id = patterns.ids[hit.pattern().as_usize()];
            let taken = found.last().map_or(0, |last| last.range.end);
            if let Some(range) = self.shape(text, id, hit.range(), taken) {
                found.push(Found { id, range });
            }
        }
    }

    /// Applies a token's `single_word`, `lstrip` and `rstrip` to a match.
    fn shape(&self, text: &str, id: u32, hit: Range<usize>, taken: usize) -> Option<Range<usize>> {
        let token = &self.tokens[&id];
        let (before, after) = (&text[..hit.start], &text[hit.end..]);
        if token.single_word
            && (self.is_word(before.chars().next_back()) || self.is_word(after.chars().next()))
        {
            return None;
        }
        // Spaces that the previous match took with it are gone.
        let mut start = hit.start.max(taken);
        let mut end = hit.end;
        if token.lstrip && start > taken {
            start = taken + text[taken..start].trim_end().len();
        }
        if token.rstrip {
            end += after.len() - after.trim_start().len();
        }
        Some(start..end)
    }

    fn is_word(&self, neighbour: Option<char>) -> bool {
        neighbour.is_some_and(|c| self.word.is_match(c.encode_utf8(&mut [0; 4])))
    }

    /// One character of each place in `text` that the tokenizer would take for a special token, in
    /// whatever form: ascending byte offsets. A text in which these are replaced holds none.
    pub fn special_marks(
        &self,
        text: &str,
        normalizer: Option<&NormalizerWrapper>,
    ) -> Outcome<Vec<usize>> {
        let mut marks = Vec::new();
        if let Some(automaton) = &self.special_texts.automaton {
            marks.extend(automaton.find_overlapping_iter(text).map(|hit| hit.start()));
        }
        if let (Some(automaton), Some(normalizer)) = (&self.special_forms.automaton, normalizer) {
            let mut form = NormalizedString::from(text);
            normalizer.normalize(&mut form)?;
            for hit in automaton.find_overlapping_iter(form.get()) {
                // The last character, since a normalizer may put something before a token.
                let original = form.convert_offsets(Within::Normalized(hit.range()));
                let before_end = &text[..original.unwrap_or_default().end];
                marks.extend(before_end.char_indices().next_back().map(|(at, _)| at));
            }
        }
        marks.sort_unstable();
        marks.dedup();
        Ok(marks)
    }
}
