package actors

import cmap "github.com/orcaman/concurrent-map"

// protoactor-go keeps its actors in 1,024 of these maps, each of 32 shards: 2.8 MiB that are empty for ever. One lock for
// each of 1,024 maps is enough.
func init() { cmap.SHARD_COUNT = 1 }
