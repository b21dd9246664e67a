"""The suite on every Python and on every version of a library that is allowed."""
