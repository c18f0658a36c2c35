//! What the gateway says of a client to the origin, and whom it believes.
