"""Downloads into a content-addressed cache, archives and pinned digests."""
