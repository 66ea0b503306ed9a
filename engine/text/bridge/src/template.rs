// A chat template as transformers renders it: its environment, its limits, its errors.
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::io;

use crate::boundary::{Failure, Outcome, one_line, refuse};
use crate::python;

/// Steps of one rendering (a step also buys 64 bytes): about a second at worst.
const MAX_STEPS: u64 = 20_000_000;
/// Frames of macros, loops and blocks within one another; 100 fit into a small thread's stack.
const MAX_DEPTH: usize = 100;
/// Four times what a request's body may hold.
const MAX_OUTPUT_BYTES: usize = 16 << 20;

const NAME: &str = "chat_template";
/// No template can spell this name, so none can change the time.
const NOW: &str = "the time";

/// Marks an error as the template's own words.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn raise_exception(message: String) -> Result<Value, Error> {
    let error = Error::new(ErrorKind::InvalidOperation, message.clone());
    Err(error.with_source(Raised(message)))
}

fn strftime_now(state: &State, format: &str) -> Result<String, Error> {
    let seconds = state.lookup(NOW).and_then(|now| i64::try_from(now).ok()).unwrap_or(0);
    python::strftime(seconds, format)
}

/// What went wrong, the template's own words first.
fn failure(error: &Error) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(current) = cause {
        if let Some(Raised(message)) = current.downcast_ref() {
            return Failure::Raised(one_line(message));
        }
        cause = current.source();
    }
    Failure::Refused(one_line(&error.to_string()))
}

/// Keeps what is written, up to the limit.
#[derive(Default)]
struct BoundedOutput {
    bytes: Vec<u8>,
}

impl io::Write for BoundedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_OUTPUT_BYTES - self.bytes.len() {
            let message = format!("the rendered prompt exceeds {MAX_OUTPUT_BYTES} bytes");
            return Err(io::Error::other(message));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `{% generation %}` only marks the assistant's words for training: it becomes a block that does
/// nothing, with the same effect on white space.
fn without_generation_tags(source: &str) -> Outcome<String> {
    let tag = regex::Regex::new(r"\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}")?;
    let block = |found: &regex::Captures| {
        let words = if found.get(2).is_some() { "endif" } else { "if true" };
        format!("{{%{} {words} {}%}}", &found[1], &found[3])
    };
    Ok(tag.replace_all(source, block).into_owned())
}

/// A compiled template. Immutable.
pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    pub fn compile(source: &str) -> Outcome<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_unknown_method_callback(python::method);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.add_filter("tojson", python::tojson);
        environment.add_filter("trim", python::trim);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", strftime_now);
        environment.add_template_owned(NAME, without_generation_tags(source)?)?;
        Ok(Template { environment })
    }

    /// Renders with the variables of a JSON object, `now` in seconds since 1970.
    pub fn render(&self, variables: &[u8], now: i64) -> Outcome<String> {
        let mut variables: BTreeMap<String, Value> = serde_json::from_slice(variables)?;
        variables.insert(NOW.to_owned(), Value::from(now));
        let template = self.environment.get_template(NAME)?;
        let mut output = BoundedOutput::default();
        if let Err(error) = template.render_captured_to(Value::from(variables), &mut output) {
            return Err(failure(&error));
        }
        match String::from_utf8(output.bytes) {
            Ok(text) => Ok(text),
            Err(_) => refuse("the rendered prompt is not UTF-8"),
        }
    }
}
