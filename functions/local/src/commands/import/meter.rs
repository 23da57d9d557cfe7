use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Read};

/// Shows how an import goes on: a bar on a terminal, else a line now and then, on standard error.
#[derive(Debug)]
pub(super) struct Meter {
    bar: Option<ProgressBar>,
}

impl Meter {
    /// For so many bytes, if that is known.
    pub(super) fn new(size: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let template = match size {
            Some(_) => "{bar:30} {bytes}/{total_bytes} {eta} left, {msg}",
            None => "{spinner} {bytes}, {msg}",
        };
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
        Self {
            bar: Some(match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }),
        }
    }

    /// The bytes that are read through it count, from a place on.
    pub(super) fn watch(&self, from: u64, source: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        match &self.bar {
            Some(bar) => {
                bar.set_position(from);
                Box::new(bar.wrap_read(source))
            }
            None => Box::new(source),
        }
    }

    /// So much is stored.
    pub(super) fn slice(&self, points: u64, line: u64) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{points} points")),
            None => eprintln!("{points} points stored, {line} lines read"),
        }
    }

    /// A line of its own.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
