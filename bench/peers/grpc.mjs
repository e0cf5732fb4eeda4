/** Unary calls of grpc-js, plaintext: its fastest form. */
import { answerParent, childArguments, load, measureCalls, PAYLOAD_BYTES } from './peer.mjs';

const grpc = load('@grpc/grpc-js');
const same = (bytes) => bytes;
const echo = {
  path: '/bench.Echo/echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

const { role, facts } = childArguments();
if (role === 'server') serve();
else call();

function serve() {
  const server = new grpc.Server();
  server.addService({ echo }, { echo: ({ request }, reply) => reply(null, request) });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) =>
    answerParent({ port }, {}),
  );
}

function call() {
  const Client = grpc.makeGenericClientConstructor({ echo }, 'Echo');
  const client = new Client(`127.0.0.1:${facts.port}`, grpc.credentials.createInsecure());
  const payload = Buffer.alloc(PAYLOAD_BYTES, 0x61);
  const once = () =>
    new Promise((resolve, reject) =>
      client.echo(payload, (error, value) => (error ? reject(error) : resolve(value))),
    );
  answerParent(undefined, { calls: (options) => measureCalls(once, options) });
}
