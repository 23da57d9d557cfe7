//! Detection in the tick: what is imported is ready at once, what is abnormal is told once, and marks, groups and rules
//! follow.

mod foretold;
mod found;
mod groups;
mod http;
mod marks;
mod replay;
mod rules;
mod scene;
mod state;
