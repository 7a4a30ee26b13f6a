"""The result tables: one module a table, each returns a :class:`kdnas.tables.table.Table`."""
