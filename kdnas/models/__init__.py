"""Teachers and students: fetching, loading, slicing, saving."""
