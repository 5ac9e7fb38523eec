"""Dev: `huidu dev`, a server of a project's own that follows its folder."""
