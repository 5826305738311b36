"""Sample data: a nationwide set of oil and gas wells, and TPC-H; made, and loaded as any other file."""
