// What templates expect of Python beyond minijinja and its pycompat methods: json.dumps as
// transformers calls it, strftime, Python's idea of whitespace, a few string methods.
use minijinja::value::{Kwargs, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;
use serde_json::Value as Json;

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// What `str.isspace` says; Rust leaves out the four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip<'a>(text: &'a str, method: &str, set: Option<&str>) -> &'a str {
    let dropped = |c: char| set.map_or_else(|| is_space(c), |set| set.contains(c));
    let text = if method == "rstrip" { text } else { text.trim_start_matches(dropped) };
    if method == "lstrip" { text } else { text.trim_end_matches(dropped) }
}

/// The `trim` filter.
pub fn trim(text: &Value, set: Option<&str>) -> Value {
    let text = text.to_string();
    Value::from(strip(&text, "strip", set))
}

fn rsplit(text: &str, separator: Option<&str>, max: Option<usize>) -> Result<Vec<Value>, Error> {
    let limit = max.map_or(usize::MAX, |max| max.saturating_add(1));
    let mut parts: Vec<Value> = match separator {
        Some("") => return Err(invalid("empty separator")),
        Some(separator) => text.rsplitn(limit, separator).map(Value::from).collect(),
        None if max.is_some() => return Err(invalid("rsplit with a limit needs a separator")),
        None => text.split_whitespace().rev().map(Value::from).collect(),
    };
    parts.reverse();
    Ok(parts)
}

/// Methods of Python's values; `pycompat` has most of them.
pub fn method(
    state: &mut State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let text = match value.as_str() {
        Some(text) if value.kind() == ValueKind::String => text,
        _ => return pycompat::unknown_method_callback(state, value, name, args),
    };
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let (set,): (Option<&str>,) = from_args(args)?;
            Ok(Value::from(strip(text, name, set)))
        }
        "removeprefix" | "removesuffix" => {
            let (affix,): (&str,) = from_args(args)?;
            let rest = match name {
                "removeprefix" => text.strip_prefix(affix),
                _ => text.strip_suffix(affix),
            };
            Ok(Value::from(rest.unwrap_or(text)))
        }
        "rsplit" => {
            let (separator, max): (Option<&str>, Option<i64>) = from_args(args)?;
            let max = max.and_then(|max| usize::try_from(max).ok());
            Ok(Value::from(rsplit(text, separator, max)?))
        }
        _ => pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// The `tojson` filter with the arguments and defaults of transformers.
pub fn tojson(state: &State, value: &Value, args: Kwargs) -> Result<Value, Error> {
    let separators: Option<Vec<String>> = args.get("separators")?;
    let indent: Option<usize> = args.get("indent")?;
    let (item, key) = match separators.as_deref() {
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
        Some([item, key]) => (item.clone(), key.clone()),
        Some(_) => return Err(invalid("separators must be two strings")),
    };
    let mut writer = JsonWriter {
        out: String::new(),
        item,
        key,
        indent,
        is_ascii: args.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        is_sorted: args.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    args.assert_all_used()?;
    if value.is_undefined() {
        return Err(invalid("an undefined value is no JSON"));
    }
    let json = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
    writer.write(&json, 0);
    state.consume_fuel(writer.out.len() as u64)?;
    Ok(Value::from(writer.out))
}

struct JsonWriter {
    out: String,
    item: String,
    key: String,
    indent: Option<usize>,
    is_ascii: bool,
    is_sorted: bool,
}

impl JsonWriter {
    fn write(&mut self, value: &Json, depth: usize) {
        match value {
            Json::String(text) => self.write_string(text),
            Json::Array(items) if !items.is_empty() => {
                self.write_items(['[', ']'], items.iter().map(|item| (None, item)), depth);
            }
            Json::Object(members) if !members.is_empty() => {
                let mut members: Vec<_> = members.iter().collect();
                if self.is_sorted {
                    members.sort_by_key(|(name, _)| *name);
                }
                let named = members.into_iter().map(|(name, item)| (Some(name), item));
                self.write_items(['{', '}'], named, depth);
            }
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn write_items<'a>(
        &mut self,
        brackets: [char; 2],
        items: impl Iterator<Item = (Option<&'a String>, &'a Json)>,
        depth: usize,
    ) {
        self.out.push(brackets[0]);
        for (index, (name, item)) in items.enumerate() {
            if index > 0 {
                self.out.push_str(&self.item.clone());
            }
            self.break_line(depth + 1);
            if let Some(name) = name {
                self.write_string(name);
                self.out.push_str(&self.key.clone());
            }
            self.write(item, depth + 1);
        }
        self.break_line(depth);
        self.out.push(brackets[1]);
    }

    fn break_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn write_string(&mut self, text: &str) {
        let quoted = Json::from(text).to_string();
        if !self.is_ascii {
            self.out.push_str(&quoted);
            return;
        }
        for c in quoted.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                self.out.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                self.out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

/// C's `strftime`, as Python's is, of a moment in UTC.
pub fn strftime(seconds: i64, format: &str) -> Result<String, Error> {
    const MAX_FORMAT_BYTES: usize = 256;
    if format.is_empty() {
        return Ok(String::new());
    }
    if format.len() > MAX_FORMAT_BYTES {
        return Err(invalid(format!("a time format has at most {MAX_FORMAT_BYTES} bytes")));
    }
    let format = std::ffi::CString::new(format).map_err(|_| invalid("a time format with a NUL"))?;
    let moment: libc::time_t = seconds;
    let mut buffer = [0u8; 16 * MAX_FORMAT_BYTES];
    // SAFETY: all pointers are to live locals, and the buffer's size is passed along.
    let size = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::gmtime_r(&moment, &mut parts).is_null() {
            return Err(invalid("the time is out of range"));
        }
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), &parts)
    };
    Ok(String::from_utf8_lossy(&buffer[..size]).into_owned())
}
