//! From the texts of manifests to one routing table, or to everything that is wrong with them.
//!
//! The stages stand here in the order in which a manifest goes through them. None stops at its first problem: each hands on what
//! is usable. Nothing here reads a file, a clock or the environment.

pub mod check;
mod codes;
mod content;
pub mod environment;
pub mod format;
pub mod lint;
mod lower;
pub mod manifest;
mod manifests;
mod object;
mod parallel;
mod parse;
pub mod policy;
pub mod quote;
pub mod reference;
mod resolve;
pub mod schema;
mod shape;
pub mod syntax;

pub use codes::all as codes;
pub use environment::several::{Verdict, validate};
pub use manifests::Manifests;
pub use object::{Address, Object, short as object_name};
pub use parse::{AssetRequest, Parsed, SourceFile, parse};

use crate::compiler::lint::Reader;
use crate::compiler::lower::Lowering;
use crate::compiler::policy::{Excused, Violations};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span};
use crate::pipeline::assets::Assets;
use crate::table::RouteTable;
use crate::value::date::Date;

/// What compiling gave.
pub struct Compiled {
    /// The texts, for showing places.
    pub sources: SourceMap,
    /// All problems, sorted by place.
    pub diagnostics: Diagnostics,
    /// The table, if nothing is an error.
    pub table: Option<RouteTable>,
    /// Where each rule of the table's router is written, by its index.
    pub places: Vec<Span>,
    /// What breaks policies, but for exceptions that end.
    pub excused: Vec<Excused>,
    /// The objects, each name once, sorted by address.
    pub objects: Vec<Object>,
}

/// Compiles what was parsed, with the files it names, and says all that there is to say of it.
pub fn compile(parsed: Parsed, assets: &Assets) -> Compiled {
    compile_for(Reader::Author, parsed, assets)
}

/// The same for a gateway that serves by it: of the lints that look at what all manifests do together, only those run that would
/// refuse the table. They cost as much as everything else, and whoever reviewed the manifests has seen what they say.
pub fn compile_to_serve(parsed: Parsed, assets: &Assets) -> Compiled {
    compile_for(Reader::Gateway, parsed, assets)
}

fn compile_for(reader: Reader, parsed: Parsed, assets: &Assets) -> Compiled {
    let Parsed { sources, objects, mut diagnostics, lost, filled, environment } = parsed;
    let (model, problems) = resolve::resolve(objects, lost, environment);
    diagnostics.append(problems);
    let levels = model.levels();
    diagnostics.append(lint::run(&model, &levels));
    let Lowering { table, places, diagnostics: problems } = lower::lower(&model, assets);
    diagnostics.append(problems);
    let mut excused = Vec::new();
    if let Some(table) = &table {
        let made = lint::Made::new(&model, table, &places);
        diagnostics.append(lint::run_on_table(&made, &levels, reader));
        let Violations { found, excused: ending } = policy::check(&made, reader);
        diagnostics.extend(found);
        excused = ending;
    }
    lint::apply_levels(&mut diagnostics, &levels);
    environment::point_at_values(&mut diagnostics, &filled);
    diagnostics.sort();
    let table = table.filter(|_| !diagnostics.has_errors());
    Compiled { sources, diagnostics, table, places, objects: model.objects, excused }
}

impl Compiled {
    /// Reports what policies don't allow any more on a day, because exceptions have ended.
    pub fn expire(&mut self, today: Date) {
        let (ended, left): (Vec<_>, _) =
            std::mem::take(&mut self.excused).into_iter().partition(|excused| excused.until <= today);
        self.excused = left;
        self.diagnostics.extend(ended.into_iter().map(|excused| {
            let ended = format!("the exception for it ended on {}", excused.until);
            Diagnostic { help: Some(ended), ..excused.diagnostic }
        }));
        self.diagnostics.sort();
        self.table = self.table.take().filter(|_| !self.diagnostics.has_errors());
    }
}
