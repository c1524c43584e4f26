//! %-expansion. The facts of the machine come in as plain data; nothing is looked up here.

use super::name::{UnitName, unescape};
use super::values::path::is_normalized;
use crate::ids::Text;
use std::collections::BTreeMap;

/// Something that may be unknown; `Err` says why in words that name the file.
pub type Fact = Result<Text, Text>;

/// What specifiers say about the machine and the manager. Filled once by the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Host name (`%H`, `%l`).
    pub host_name: Text,
    /// Pretty host name of /etc/machine-info; `None` shows the host name (`%q`).
    pub pretty_host_name: Option<Text>,
    /// 32 hex digits (`%m`).
    pub machine_id: Fact,
    /// 32 hex digits (`%b`).
    pub boot_id: Fact,
    /// `uname -r` (`%v`).
    pub kernel_release: Text,
    /// systemd's word for the architecture, e.g. `x86-64` (`%a`).
    pub architecture: Text,
    /// Fields of os-release by name (`%o %w %W %B %M %A`).
    pub os_release: Result<BTreeMap<Text, Text>, Text>,
    /// Who runs the manager.
    pub manager: Manager,
    /// Base directories.
    pub directories: Directories,
    /// The manager of a user, not of the system.
    pub user_mode: bool,
    /// Only what systemd 252 has (`--strict-systemd`).
    pub strict: bool,
}

/// The user that runs the manager (`%u %U %g %G %h %s`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Manager {
    pub user: Text,
    pub uid: u32,
    pub group: Text,
    pub gid: u32,
    pub home: Text,
    pub shell: Text,
}

/// Base directories of the manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// `/run` or `$XDG_RUNTIME_DIR` (`%t`)
    pub runtime: Text,
    /// `/var/lib` or `$XDG_STATE_HOME` (`%S`)
    pub state: Text,
    /// `/var/cache` or `$XDG_CACHE_HOME` (`%C`)
    pub cache: Text,
    /// `/var/log` or `$XDG_STATE_HOME/log` (`%L`)
    pub logs: Text,
    /// `/etc` or `$XDG_CONFIG_HOME` (`%E`)
    pub configuration: Text,
    /// `/usr/share` or `$XDG_DATA_HOME` (`%D`)
    pub shared_data: Text,
    /// Directory that holds one directory of credentials per unit (`%d`).
    pub credentials: Text,
    /// `/tmp`, or what the manager's environment says (`%T`)
    pub tmp: Text,
    /// `/var/tmp`, or what the manager's environment says (`%V`)
    pub var_tmp: Text,
}

impl Default for Context {
    /// A system manager on a machine that nothing is known of.
    fn default() -> Self {
        let text = |s: &str| Text::from(s);
        Context {
            host_name: text("localhost"),
            pretty_host_name: None,
            machine_id: Err(text("/etc/machine-id was not read")),
            boot_id: Err(text("/proc/sys/kernel/random/boot_id was not read")),
            kernel_release: text(""),
            architecture: text(""),
            os_release: Err(text("/etc/os-release was not read")),
            manager: Manager {
                user: text("root"),
                uid: 0,
                group: text("root"),
                gid: 0,
                home: text("/root"),
                shell: text("/bin/sh"),
            },
            directories: Directories {
                runtime: text("/run"),
                state: text("/var/lib"),
                cache: text("/var/cache"),
                logs: text("/var/log"),
                configuration: text("/etc"),
                shared_data: text("/usr/share"),
                credentials: text("/run/credentials"),
                tmp: text("/tmp"),
                var_tmp: text("/var/tmp"),
            },
            user_mode: false,
            strict: false,
        }
    }
}

/// What specifiers say about one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFacts {
    /// Its name; of an alias the name that was asked for.
    pub name: UnitName,
    /// Its main file.
    pub fragment: Option<Text>,
}

/// Which specifiers a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// All.
    Full,
    /// Settings that hold unit names, and section [Install]: no paths, nothing unescaped.
    Names,
}

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecifierError {
    /// Offset of the `%`.
    pub at: usize,
    /// What is wrong, in words that fit after "bad value: ".
    pub message: String,
}

/// Replaces every specifier. `%%` is a percent sign; `%` before anything but a letter or digit, or
/// at the end, stays.
pub fn expand(text: &str, context: &Context, unit: &UnitFacts, table: Table) -> Result<String, SpecifierError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        let at = text.len() - rest.len() + percent;
        let after = &rest[percent + 1..];
        let Some(letter) = after.chars().next() else {
            out.push('%');
            return Ok(out);
        };
        match letter {
            '%' => out.push('%'),
            c if c.is_ascii_alphanumeric() => {
                let value = lookup(c, context, unit, table).map_err(|message| SpecifierError { at, message })?;
                out.push_str(&value);
            }
            c => {
                out.push('%');
                out.push(c);
            }
        }
        rest = &after[letter.len_utf8()..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether the expansion differs between instances of one template.
pub fn depends_on_instance(text: &str) -> bool {
    text.contains('%') && specifiers(text).any(|c| matches!(c, 'i' | 'I' | 'n' | 'N' | 'f' | 'd' | 'c'))
}

/// The letters of all specifiers in a text.
fn specifiers(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        chars.by_ref().find(|c| *c == '%')?;
        chars.next()
    })
}

/// Specifiers that settings with unit names take too.
const IN_NAMES: &str = "nNpijuUgGHlqmbavowWBMA";

fn lookup(letter: char, context: &Context, unit: &UnitFacts, table: Table) -> Result<String, String> {
    if table == Table::Names && !IN_NAMES.contains(letter) {
        return Err(format!("specifier %{letter} is not available in unit names"));
    }
    if let Some(value) = unit_value(letter, unit)? {
        return Ok(value);
    }
    let dirs = &context.directories;
    let fact = |fact: &Fact| fact.as_ref().map(|t| t.to_string()).map_err(|why| format!("%{letter}: {why}"));
    let text = match letter {
        'H' => &context.host_name,
        'l' => {
            return Ok(context.host_name.split('.').next().unwrap_or_default().to_owned());
        }
        'q' => context.pretty_host_name.as_ref().unwrap_or(&context.host_name),
        'm' => return fact(&context.machine_id),
        'b' => return fact(&context.boot_id),
        'v' => &context.kernel_release,
        'a' => &context.architecture,
        'u' => &context.manager.user,
        'U' => return Ok(context.manager.uid.to_string()),
        'g' => &context.manager.group,
        'G' => return Ok(context.manager.gid.to_string()),
        'h' => &context.manager.home,
        's' => &context.manager.shell,
        't' => &dirs.runtime,
        'S' => &dirs.state,
        'C' => &dirs.cache,
        'L' => &dirs.logs,
        'E' => &dirs.configuration,
        'D' if !context.strict => &dirs.shared_data,
        'T' => &dirs.tmp,
        'V' => &dirs.var_tmp,
        'd' => return Ok(format!("{}/{}", dirs.credentials, unit.name)),
        'o' | 'w' | 'W' | 'B' | 'M' | 'A' => return os_release(letter, context),
        'c' | 'r' | 'R' => {
            return Err(format!("specifier %{letter} (a cgroup path) is deprecated and not supported"));
        }
        _ => {
            return Err(format!("unknown specifier %{letter} (a percent sign is written %%)"));
        }
    };
    Ok(text.to_string())
}

fn os_release(letter: char, context: &Context) -> Result<String, String> {
    let field = match letter {
        'o' => "ID",
        'w' => "VERSION_ID",
        'W' => "VARIANT_ID",
        'B' => "BUILD_ID",
        'M' => "IMAGE_ID",
        _ => "IMAGE_VERSION",
    };
    let fields = context.os_release.as_ref().map_err(|why| format!("%{letter}: {why}"))?;
    Ok(fields.get(field).map(|v| v.to_string()).unwrap_or_default())
}

/// Values that come from the unit's name and file; `None` for other letters.
fn unit_value(letter: char, unit: &UnitFacts) -> Result<Option<String>, String> {
    let name = &unit.name;
    let unescaped = |text: &str| {
        unescape(text).ok_or_else(|| format!("%{letter}: '{text}' in the unit's name is not validly escaped"))
    };
    let last_part = name.prefix().rsplit('-').next().unwrap_or_default();
    let value = match letter {
        'n' => name.as_str().to_owned(),
        'N' => name.stem().to_owned(),
        'p' => name.prefix().to_owned(),
        'P' => unescaped(name.prefix())?,
        'i' => name.instance().unwrap_or_default().to_owned(),
        'I' => unescaped(name.instance().unwrap_or_default())?,
        'j' => last_part.to_owned(),
        'J' => unescaped(last_part)?,
        'f' => {
            let escaped = name.instance().filter(|i| !i.is_empty()).unwrap_or(name.prefix());
            let path = if escaped == "-" { String::new() } else { unescaped(escaped)? };
            if !is_normalized(&path) {
                return Err(format!("%f: '/{path}' is not a normalized path"));
            }
            format!("/{path}")
        }
        'y' => unit.fragment.as_ref().map(|f| f.to_string()).unwrap_or_default(),
        'Y' => {
            let directory = unit.fragment.as_ref().and_then(|f| f.rsplit_once('/')).map(|(d, _)| d);
            directory.map(|d| if d.is_empty() { "/" } else { d }.to_owned()).unwrap_or_default()
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str) -> UnitFacts {
        UnitFacts { name: UnitName::parse(name).unwrap(), fragment: Some("/etc/porterd/units/x@.service".into()) }
    }

    fn full(text: &str, name: &str) -> Result<String, String> {
        expand(text, &Context::default(), &facts(name), Table::Full).map_err(|e| e.message)
    }

    #[test]
    fn socket_45_instances() {
        let text = full("%i %I %j %p %N %n", "te@a-b.socket");
        assert_eq!(text.as_deref(), Ok("a-b a/b te te te@a-b te@a-b.socket"));
        assert_eq!(full("%I", "foo@x\\x2dy.service").as_deref(), Ok("x-y"));
        assert_eq!(full("%j %J %P", "a-b\\x2dc.service").as_deref(), Ok("b\\x2dc b-c a/b-c"));
    }

    #[test]
    fn socket_46_unknown_and_literal() {
        assert!(full("%Z", "a.socket").is_err() && full("%1", "a.socket").is_err());
        assert_eq!(full("100%%", "a.socket").as_deref(), Ok("100%"));
        assert_eq!(full("5%", "a.socket").as_deref(), Ok("5%"));
        assert_eq!(full("%- %ä %%n", "a.socket").as_deref(), Ok("%- %ä %n"));
        let error = expand("ab%Z", &Context::default(), &facts("a.socket"), Table::Full).unwrap_err();
        assert_eq!(error.at, 2);
    }

    #[test]
    fn socket_47_a_single_percent_sign_before_a_scope() {
        assert_eq!(full("[fe80::1]:80%lo", "a.socket").as_deref(), Ok("[fe80::1]:80localhosto"));
        assert_eq!(full("[fe80::1]:80%%lo", "a.socket").as_deref(), Ok("[fe80::1]:80%lo"));
    }

    #[test]
    fn paths_and_files() {
        assert_eq!(full("%f", "x@var-lib.service").as_deref(), Ok("/var/lib"));
        assert_eq!(full("%f", "var-lib.service").as_deref(), Ok("/var/lib"));
        assert_eq!(full("%f", "x@-.service").as_deref(), Ok("/"));
        assert_eq!(full("%f", "x@.service").as_deref(), Ok("/x"));
        assert!(full("%f", "x@..-a.service").is_err());
        assert_eq!(full("%y %Y", "x@1.service").as_deref(), Ok("/etc/porterd/units/x@.service /etc/porterd/units"));
        assert_eq!(full("%d", "x@1.service").as_deref(), Ok("/run/credentials/x@1.service"));
        assert!(full("%I", "x@\\x.service").is_err());
    }

    #[test]
    fn missing_facts_name_the_file() {
        assert!(full("%m", "a.socket").unwrap_err().contains("/etc/machine-id"));
        let mut context = Context { machine_id: Ok("0".repeat(32).into()), ..Context::default() };
        let fields = [(Text::from("ID"), Text::from("debian"))];
        context.os_release = Ok(fields.into_iter().collect());
        let text = expand("%m %o%w", &context, &facts("a.socket"), Table::Names);
        assert_eq!(text, Ok(format!("{} debian", "0".repeat(32))));
    }

    #[test]
    fn names_take_fewer() {
        let names = |t: &str| expand(t, &Context::default(), &facts("a@b.socket"), Table::Names);
        assert_eq!(names("%p-%i-%U.service").as_deref(), Ok("a-b-0.service"));
        for not in ["%I", "%P", "%J", "%f", "%t", "%h", "%y", "%d"] {
            assert!(names(not).is_err(), "{not}");
        }
    }

    #[test]
    fn instance_dependence() {
        for yes in ["%i", "a%Ib", "%n", "%N", "%f", "%%%i"] {
            assert!(depends_on_instance(yes), "{yes}");
        }
        for no in ["", "%p", "%%i", "i", "%", "%t/%H", "%%%%n"] {
            assert!(!depends_on_instance(no), "{no}");
        }
    }
}
