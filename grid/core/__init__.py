"""What every package builds on: errors, identity, records, the store, plug-ins, seeds and shared word lists."""
