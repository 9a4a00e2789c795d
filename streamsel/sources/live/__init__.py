"""Live feeds: network cameras and their connections, and stand-ins for them."""
