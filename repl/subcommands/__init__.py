"""One module per subcommand of ``headgate``; the registry is in ``repl.arguments``."""
