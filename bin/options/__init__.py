"""Options that several tools have, a theme a module: a tool imports the themes that it uses, and no others."""
