/** What the servers of tests are started with. */
export const JWT_SECRET = 'a secret of the tests, with more than 32 bytes';
export const WEBHOOK_SECRET = 'a webhook secret of the tests';
