"""What a migration must not do, found before it runs: our own rules and squawk's."""
