import { processConformance } from '../unit/conformance/processes.ts';
import { serviceConformance } from '../unit/conformance/services.ts';
import { quicWorld } from './fixtures/quic-world.ts';

processConformance('processes on QUIC', quicWorld);
serviceConformance('services on QUIC', quicWorld);
