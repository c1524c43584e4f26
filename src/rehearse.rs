//! A pretend kernel that performs effects in memory.
