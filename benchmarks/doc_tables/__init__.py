"""Tables of the docs by the name in their mark, each made from committed raw files."""
