"""Live feeds: cameras over the network, their connections, and what stands in for them."""
