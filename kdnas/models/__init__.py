"""Teachers and students: fetching, loading, narrowing, saving."""
