"""The commands of `kgv`: `table` says what they take, the other modules what they do."""
