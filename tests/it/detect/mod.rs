//! Sigma rules: what each construct means, by events written by hand; generated rules against a second, slow evaluator;
//! correlations; the command.

mod command;
mod constructs;
mod correlations;
mod generated;
mod judge;
mod world;
