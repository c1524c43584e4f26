//! Unit files and what is made of them: load states, values, findings. Black box: everything goes
//! through `unit::load::Library`.

mod admission;
mod beyond;
mod corpus;
mod disk;
mod ill_formed;
mod labels;
mod names;
mod oracle;
mod services;
mod sockets;
mod strict;
mod support;
mod syntax;
mod values;
