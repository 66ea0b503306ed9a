// One tokenizer.json: loading with checks, encoding with places that are no special tokens,
// decoding, and the table of what each token is.
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use tokenizers::tokenizer::normalizer::Range as Within;
use tokenizers::{
    AddedToken, Model, ModelWrapper, NormalizedString, Normalizer, OffsetType, PreTokenizedString,
    PreTokenizer, Token,
};

use crate::added::{AddedMatcher, Found, Recognise};
use crate::boundary::{Outcome, refuse};
use crate::decoder::{Kind, Plan};

/// The table of tokens is dense, so an absurd id must not size it.
const MAX_TOKENS: usize = 4 << 20;

pub const TOKEN_KNOWN: u32 = 1;
pub const TOKEN_SPECIAL: u32 = 2;
pub const TOKEN_BYTE: u32 = 4;

/// The part of a tokenizer.json that the library reads too leniently.
#[derive(Deserialize)]
struct Declared {
    #[serde(default)]
    added_tokens: Vec<DeclaredToken>,
}

#[derive(Deserialize)]
struct DeclaredToken {
    id: u64,
    content: String,
}

#[derive(Default, Clone)]
pub struct TableEntry {
    pub bytes: Box<[u8]>,
    pub first_bytes: Option<Box<[u8]>>,
    pub flags: u32,
}

pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    added: AddedMatcher,
    special_texts: HashMap<u32, String>,
    table: Vec<TableEntry>,
    pub kind: Kind,
    pub strip: (char, usize),
}

fn check_added_tokens(declared: &Declared, inner: &tokenizers::Tokenizer) -> Outcome<()> {
    let mut seen = HashMap::new();
    for token in &declared.added_tokens {
        let (id, content) = (token.id, &token.content);
        if content.is_empty() {
            return refuse(format!("added token {id} is empty"));
        }
        if let Some(other) = seen.insert(id, content) {
            return refuse(format!(
                "id {id} belongs to both added tokens \"{other}\" and \"{content}\""
            ));
        }
        let actual = inner.token_to_id(content);
        if actual.map(u64::from) != Some(id) {
            let actual = actual.map_or("none".to_owned(), |id| id.to_string());
            return refuse(format!(
                "added token \"{content}\" has id {id}, but its place in the vocabulary is {actual}"
            ));
        }
    }
    Ok(())
}

/// Texts by id, the added tokens over those of the model.
fn texts_by_id(
    inner: &tokenizers::Tokenizer,
    added: &HashMap<u32, AddedToken>,
) -> Outcome<Vec<Option<String>>> {
    let vocabulary = inner.get_vocab(false);
    let ids = vocabulary.values().chain(added.keys());
    let size = ids.max().map_or(0, |max| *max as usize + 1);
    if size == 0 {
        return refuse("the vocabulary is empty");
    }
    if size > MAX_TOKENS {
        return refuse(format!(
            "largest token id is {}, at most {} are served",
            size - 1,
            MAX_TOKENS
        ));
    }
    let mut texts: Vec<Option<String>> = vec![None; size];
    for (text, id) in vocabulary {
        let slot = &mut texts[id as usize];
        if let Some(other) = slot {
            return refuse(format!("id {id} belongs to both tokens \"{other}\" and \"{text}\""));
        }
        *slot = Some(text);
    }
    for (id, token) in added {
        if let Some(other) = &texts[*id as usize] {
            if *other != token.content {
                let content = &token.content;
                return refuse(format!(
                    "id {id} belongs to both tokens \"{other}\" and \"{content}\""
                ));
            }
        }
        // Where a normalizer changes a token, the library decodes the changed form.
        texts[*id as usize] = inner.id_to_token(*id).or(Some(token.content.clone()));
    }
    Ok(texts)
}

fn make_table(
    texts: &[Option<String>],
    plan: &Plan,
    special_texts: &HashMap<u32, String>,
) -> Outcome<Vec<TableEntry>> {
    let mut table = vec![TableEntry::default(); texts.len()];
    for (id, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let entry = &mut table[id];
        let (bytes, is_byte) = plan.bytes_of(text)?;
        if plan.kind == Kind::FirstToken {
            let first = plan.first_bytes_of(text)?;
            entry.first_bytes = (first != bytes).then(|| first.into_boxed_slice());
        }
        entry.bytes = bytes.into_boxed_slice();
        entry.flags = TOKEN_KNOWN;
        if special_texts.contains_key(&(id as u32)) {
            entry.flags |= TOKEN_SPECIAL;
        }
        if is_byte {
            entry.flags |= TOKEN_BYTE;
        }
    }
    Ok(table)
}

impl Tokenizer {
    pub fn load(json: &[u8]) -> Outcome<Self> {
        let declared: Declared = serde_json::from_slice(json)?;
        let mut inner = tokenizers::Tokenizer::from_bytes(json)?;
        check_added_tokens(&declared, &inner)?;
        if matches!(inner.get_model(), ModelWrapper::BPE(bpe) if bpe.dropout.is_some_and(|p| p > 0.0))
        {
            return refuse("the model has a dropout: a prompt would get other tokens each time");
        }
        // These belong to training; a prompt is neither cut nor filled up in silence.
        inner.with_truncation(None)?;
        inner.with_padding(None);
        let added: HashMap<u32, AddedToken> =
            inner.get_added_tokens_decoder().into_iter().collect();
        let texts = texts_by_id(&inner, &added)?;
        let special_texts: HashMap<u32, String> = added
            .iter()
            .filter(|(_, token)| token.special)
            .map(|(id, token)| (*id, token.content.clone()))
            .collect();
        let (table, kind, strip) = {
            let plan = Plan::of(inner.get_decoder());
            (make_table(&texts, &plan, &special_texts)?, plan.kind, plan.strip)
        };
        Ok(Tokenizer {
            added: AddedMatcher::new(added, inner.get_normalizer())?,
            inner,
            special_texts,
            table,
            kind,
            strip,
        })
    }

    pub fn size(&self) -> usize {
        self.table.len()
    }

    pub fn entry(&self, id: u32) -> Option<&TableEntry> {
        self.table.get(id as usize)
    }

    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub fn special_marks(&self, text: &str) -> Outcome<Vec<usize>> {
        self.added.special_marks(text, self.inner.get_normalizer())
    }

    /// The steps of the library's own `encode`, except that no added token touches the characters
    /// that begin at `plain_at` (ascending), and none that is special is seen with `OrdinaryOnly`.
    pub fn encode(
        &self,
        text: &str,
        which: Recognise,
        plain_at: &[usize],
        add_special_tokens: bool,
    ) -> Outcome<Vec<u32>> {
        let barriers = barriers(text, plain_at)?;
        let mut pieces = PreTokenizedString::from(text);
        pieces.split(|_, piece| {
            let found = self.added.find_raw(piece.get(), which, &barriers);
            Ok(cut(piece, &found))
        })?;
        pieces.split(|_, mut piece| {
            if let Some(normalizer) = self.inner.get_normalizer() {
                normalizer.normalize(&mut piece)?;
            }
            let found = self.added.find_normalized(&piece, which, &barriers);
            Ok(cut(piece, &found))
        })?;
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        pieces.tokenize(|piece| self.tokenize(piece.get()))?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::None)?;
        let encoding = self.inner.post_process(encoding, None, add_special_tokens)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// What the model makes of text without added tokens. Some models (Unigram, or BPE that takes
    /// whole words first) know the special tokens' texts as words: these are taken apart.
    fn tokenize(&self, piece: &str) -> tokenizers::Result<Vec<Token>> {
        let tokens = self.inner.get_model().tokenize(piece)?;
        let forged = tokens.iter().find(|token| {
            // Byte tokens may stand for parts of characters; those spell no special token.
            let text = piece.get(token.offsets.0..token.offsets.1).unwrap_or_default();
            self.special_texts.get(&token.id).is_some_and(|special| special == text)
                && text.chars().nth(1).is_some()
        });
        let Some(forged) = forged else {
            return Ok(tokens);
        };
        let first = piece[forged.offsets.0..].chars().next().map_or(0, char::len_utf8);
        let (head, tail) = piece.split_at(forged.offsets.0 + first);
        let mut parts = self.tokenize(head)?;
        parts.extend(self.tokenize(tail)?.into_iter().map(|mut token| {
            token.offsets.0 += head.len();
            token.offsets.1 += head.len();
            token
        }));
        Ok(parts)
    }

    /// The library itself overlooks special tokens that a normalizer changes; here none stays.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Outcome<String> {
        let is_kept = |id: &u32| !(skip_special_tokens && self.special_texts.contains_key(id));
        let kept: Vec<u32> = ids.iter().copied().filter(is_kept).collect();
        Ok(self.inner.decode(&kept, false)?)
    }
}

/// The characters of `text` that begin at `plain_at`, as ranges.
fn barriers(text: &str, plain_at: &[usize]) -> Outcome<Vec<Range<usize>>> {
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(plain_at.len());
    for &at in plain_at {
        let is_ascending = ranges.last().is_none_or(|last| last.end <= at);
        let next = text.get(at..).and_then(|rest| rest.chars().next());
        match next {
            Some(c) if is_ascending => ranges.push(at..at + c.len_utf8()),
            _ => return refuse(format!("no character begins at byte {at} of the text")),
        }
    }
    Ok(ranges)
}

/// Cuts a piece at the found tokens: these get their ids, the text between them stays text.
fn cut(piece: NormalizedString, found: &[Found]) -> Vec<(NormalizedString, Option<Vec<Token>>)> {
    if found.is_empty() {
        return vec![(piece, None)];
    }
    let slice = |range: Range<usize>| {
        piece.slice(Within::Normalized(range)).expect("a cut lies within its piece")
    };
    let mut parts = Vec::with_capacity(2 * found.len() + 1);
    let mut begin = 0;
    for Found { id, range } in found {
        if begin < range.start {
            parts.push((slice(begin..range.start), None));
        }
        let text = slice(range.clone());
        let token = Token::new(*id, text.get().to_owned(), (0, range.len()));
        parts.push((text, Some(vec![token])));
        begin = range.end;
    }
    if begin < piece.get().len() {
        parts.push((slice(begin..piece.get().len()), None));
    }
    parts
}

/// Decodes token by token where no table can: the library's own window over the latest ids.
/// Who wants special tokens skipped does not push them.
#[derive(Default)]
pub struct DecodeStream {
    ids: Vec<u32>,
    prefix: String,
    prefix_index: usize,
}

impl DecodeStream {
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Outcome<String> {
        let text = tokenizers::tokenizer::step_decode_stream(
            &tokenizer.inner,
            vec![id],
            false,
            &mut self.ids,
            &mut self.prefix,
            &mut self.prefix_index,
        )?;
        Ok(text.unwrap_or_default())
    }

    pub fn flush(&mut self, tokenizer: &Tokenizer) -> Outcome<String> {
        let text = tokenizer.decode(&self.ids, false)?;
        let rest = text.strip_prefix(self.prefix.as_str()).unwrap_or_default().to_owned();
        *self = DecodeStream::default();
        Ok(rest)
    }
}
