//! Jobs in the queues of clusters: from a profile and what a job needs to a script, to the batch system, and back to a
//! person.
//!
//! The pure part makes texts and reads them: [`Needs`] and a [`Profile`] give a [`Request`], that and a [`Piece`] give the
//! text of a [`script()`](script::script); a [`scheduler`](scheduler::Scheduler) knows the words of one batch system. The
//! rest runs commands ([`command`]) and keeps, beside the job file, what was submitted and what became of it ([`folder`]).
//! [`local`] starts programs
//! on this machine. There is no daemon and no database, and no use of accounting: each script leaves its exit code in a file.

pub mod command;
pub mod find;
pub mod folder;
pub mod follow;
pub mod local;
pub mod needs;
pub mod parts;
pub mod request;
pub mod scheduler;
pub mod script;
pub mod standing;
pub mod submit;
pub mod words;

pub use crate::config::cluster::Profile;
pub use find::Cluster;
pub use needs::{Conditions, Needs, OnRanks};
pub use parts::Parts;
pub use request::{Request, Wishes};
pub use script::Piece;
