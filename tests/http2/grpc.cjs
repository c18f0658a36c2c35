// A server of gRPC, and calls of it through the gateway: one line for each, with what came of it.
// usage: grpc.cjs serve | grpc.cjs call HOST:PORT
const grpc = require('@grpc/grpc-js');
const bytes = { serialize: text => Buffer.from(text), deserialize: buffer => buffer.toString() };
const method = (name, requestStream, responseStream) => ({
  path: `/test.Echo/${name}`, requestStream, responseStream,
  requestSerialize: bytes.serialize, requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize, responseDeserialize: bytes.deserialize,
});
const service = {
  Unary: method('Unary', false, false), Fail: method('Fail', false, false), Slow: method('Slow', false, false),
  Gather: method('Gather', true, false), Scatter: method('Scatter', false, true), Chat: method('Chat', true, true),
  Nowhere: { ...method('Nowhere', false, false), path: '/other.Echo/Nowhere' },
};

function serve() {
  const server = new grpc.Server();
  server.addService(service, {
    Unary: (call, done) => done(null, `${call.request} ${call.metadata.get('x-a')}`),
    Fail: (call, done) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-why', 'because');
      done({ code: grpc.status.FAILED_PRECONDITION, details: 'no ünit', metadata });
    },
    Slow: () => {},
    Nowhere: () => {},
    Gather: (call, done) => {
      const all = [];
      call.on('data', text => all.push(text)).on('end', () => done(null, all.join('')));
    },
    Scatter: call => {
      for (let n = 0; n < 3; n++) call.write(`${call.request}${n}`);
      call.end();
    },
    Chat: call => call.on('data', text => call.write(`[${text}]`)).on('end', () => call.end()),
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => console.log(port));
  process.stdin.on('end', () => process.exit()).resume();
}

async function call(address) {
  const Client = grpc.makeGenericClientConstructor(service, 'test.Echo');
  const client = new Client(address, grpc.credentials.createInsecure(), { 'grpc.service_config': '{}', 'grpc.enable_retries': 0 });
  const say = (name, ...rest) => console.log([name, ...rest].join(' | '));
  const metadata = entries => { const all = new grpc.Metadata(); for (const e of entries) all.set(...e); return all; };
  const once = (name, text, fields = [], options = {}) => new Promise(end =>
    client[name](text, metadata(fields), options, (error, answer) =>
      end(error ? [error.code, error.details, error.metadata.get('x-why')] : [0, answer])));
  say('unary', ...await once('Unary', 'hello', [['x-a', '1']]));
  say('fail', ...await once('Fail', 'x'));
  say('deadline', (await once('Slow', 'x', [], { deadline: Date.now() + 300 }))[0]);
  // the client's own clock is off here: what comes is the gateway's
  say('timeout', ...await once('Unary', 'x', [['grpc-timeout', '200m'], ['x-case', 'stuck']]));
  say('nowhere', ...(await once('Nowhere', 'x')).slice(0, 2));
  for (const name of ['down', 'denied', 'limited']) say(name, ...(await once('Unary', 'x', [['x-case', name]])).slice(0, 2));
  say('large', ...(await once('Unary', 'x'.repeat(3_000_000))).slice(0, 1));
  say('gather', await new Promise(end => {
    const gather = client.Gather((error, answer) => end(error ? error.message : answer));
    ['a', 'b', 'c'].forEach(text => gather.write(text));
    gather.end();
  }));
  say('scatter', await new Promise(end => {
    const all = [];
    client.Scatter('n').on('data', text => all.push(text)).on('end', () => end(all.join(' '))).on('error', e => end(e.message));
  }));
  say('chat', await new Promise(end => {
    const all = [], chat = client.Chat();
    // one message at a time, with silence longer than the request's timeout
    chat.on('data', text => { all.push(text); setTimeout(() => all.length < 3 ? chat.write(all.length + '') : chat.end(), 700); });
    chat.on('end', () => end(all.join(' '))).on('error', e => end(e.message));
    chat.write('0');
  }));
  client.close();
}

process.argv[2] === 'serve' ? serve() : call(process.argv[3]);
