import { describeShard } from './fault-shards.ts';

describeShard(1);
